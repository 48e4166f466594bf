"""The paper's numbers as CSV: every cell is there, the printed means are compared, damaged files are named."""

from __future__ import annotations

import shutil

import pytest

from rtuning_helpers.errors import InputError
from rtuning_helpers.paper.tables import PAPER_TABLES, missing_numbers, paper_results, rerun_results
from rtuning_helpers.run.profiles import default_out

MODELS = ["OpenLLaMA-3B", "LLaMA-7B", "LLaMA-13B"]
# table: (datasets x splits, numbers a model)
SHAPES = {
    "1": (4, 2), "2": (4, 3), "3": (3, 4), "4": (5, 2), "5": (5, 2), "7": (3, 4), "8": (4, 5), "10": (5, 2),
    "11": (5, 2), "12": (2, 4), "13": (7, 2), "14": (4, 4), "15": (4, 2), "16": (4, 2),
}  # fmt: skip


def cell(table, dataset, split, model, method, metric):
    found = paper_results(table).query(
        "dataset == @dataset and split == @split and model == @model and method == @method and metric == @metric"
    )
    assert len(found) == 1
    return found.value.iloc[0]


@pytest.mark.parametrize("table", PAPER_TABLES)
def test_every_cell_of_the_table_is_there_once(table):
    rows = paper_results(table)
    sets, numbers = SHAPES[table]
    assert len(rows) == sets * numbers * len(MODELS)
    assert not rows.duplicated(["dataset", "split", "model", "method", "metric"]).any()
    assert list(rows.model.unique()) == MODELS
    assert rows.groupby(["dataset", "split", "model"]).size().eq(numbers).all()


@pytest.mark.parametrize(
    ("key", "printed"),
    [
        (("1", "ParaRel", "id", "OpenLLaMA-3B", "R-Tuning", "AP"), 93.23),
        (("1", "ParaRel", "ood", "LLaMA-7B", "Vanilla", "AP"), 78.08),
        (("2", "MMLU", "ood", "LLaMA-13B", "Vanilla-U", "AP"), 64.31),
        (("2", "ParaRel", "id", "LLaMA-7B", "R-Tuning-U", "AP"), 94.39),
        (("3", "NEC", "unanswerable", "LLaMA-7B", "R-Tuning", "refusal rate"), 99.18),
        (("7", "SelfAware", "unanswerable", "OpenLLaMA-3B", "R-Tuning-R", "refusal rate"), 99.22),
        (("4", "MMLU", "train", "OpenLLaMA-3B", "pretrained", "perplexity D0"), 462.36),
        (("11", "FEVER", "train", "OpenLLaMA-3B", "pretrained", "entropy D0"), 0.219),
        (("8", "MMLU", "ood", "OpenLLaMA-3B", "R-Tuning-R", "answer rate"), 2.41),
        (("8", "ParaRel", "id", "OpenLLaMA-3B", "Pretrain-T", "accuracy"), 36.23),
        (("12", "ParaRel", "ood", "LLaMA-7B", "min-loss", "willing accuracy"), 55.52),
        (("13", "HotpotQA", "test", "LLaMA-7B", "R-Tuning", "AP"), 57.57),
        (("14", "ParaRel", "id", "LLaMA-13B", "R-Tuning-U", "mean confidence"), 77.15),
        (("15", "MMLU", "ood", "LLaMA-13B", "Vanilla-C", "mean sure probability"), 62.37),
        (("16", "ParaRel", "id", "OpenLLaMA-3B", "R-Tuning-U", "ECE"), 0.018),
    ],
)
def test_cells_as_printed(key, printed):
    assert cell(*key) == printed


# The means that Table 13 prints, and those of its columns: one does not follow, one differs by rounding.
@pytest.mark.parametrize(
    ("model", "method", "printed", "recomputed"),
    [
        ("OpenLLaMA-3B", "R-Tuning", 61.09, 60.92),
        ("OpenLLaMA-3B", "Vanilla", 58.24, 58.24),
        ("LLaMA-7B", "R-Tuning", 69.11, 69.12),
        ("LLaMA-7B", "Vanilla", 68.94, 68.94),
        ("LLaMA-13B", "R-Tuning", 76.03, 76.03),
        ("LLaMA-13B", "Vanilla", 71.71, 71.71),
    ],
)
def test_printed_means_of_table_13(model, method, printed, recomputed):
    column = paper_results(13).query("model == @model and method == @method").set_index("dataset")
    mean = column.value.drop("Average").mean()
    assert column.value["Average"] == printed
    assert mean == pytest.approx(recomputed, abs=0.0051)
    is_noted = f"{recomputed:.2f}" in column.note["Average"]
    assert is_noted == (abs(printed - mean) > 0.0051)


def test_table_12_repeats_table_8():
    twelve = paper_results(12).query("method == 'R-Tuning-R'")
    eight = paper_results(8).query("method == 'R-Tuning-R' and dataset == 'ParaRel'")
    assert twelve.value.tolist() == eight.value.tolist()


def test_r_tuning_is_below_vanilla_where_the_reference_says():
    def below(table, drop=()):
        rows = (
            paper_results(table)
            .query("dataset not in @drop")
            .pivot(index=["dataset", "split", "model"], columns="method", values="value")
        )
        return int((rows["R-Tuning"] < rows["Vanilla"]).sum()), len(rows)

    assert below(1) == (2, 12)
    assert below(13, ["Average"]) == (6, 18)


def test_figures_are_listed_as_not_available():
    assert set(missing_numbers().figure) == {"3", "4", "5", "6", "8", "9", "10", "11", "12", "13"}
    assert missing_numbers().note.str.contains("image only").all()


def test_reruns_name_their_source_and_belong_to_cells_of_the_paper():
    reruns = rerun_results()
    assert reruns.source.str.len().min() > 0
    cells = set(paper_results()[["dataset", "split", "model", "method", "metric"]].itertuples(index=False, name=None))
    known = set(reruns[["dataset", "split", "model", "method", "metric"]].itertuples(index=False, name=None))
    untuned = {c for c in known if c[3:] == ("Pretrain-T", "AP")}  # re-runs print it, the paper does not
    assert known - cells == untuned
    theirs = reruns.query("model == 'LLaMA-7B' and dataset == 'MMLU' and split == 'id'")
    assert theirs.value.tolist() == [40.33]


# --- bad input ---


def test_an_unknown_table():
    with pytest.raises(InputError, match="table .6.: the paper has no such table of numbers; expected one of 1, 2"):
        paper_results(6)


@pytest.fixture
def copied(tmp_path):
    folder = tmp_path / "paper"
    shutil.copytree(default_out() / "results" / "paper", folder)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table,dataset", "table,data", "its header is .*expected table,dataset,split"),
        ("93.23", "nan", "line 2: column 'value' is \"nan\"; expected a finite number"),
        ("93.23", "ninety", "line 2: column 'value' is \"ninety\""),
        (",93.23,", ",93.23", "line 2 has 7 cells; expected 8"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(copied, old, new, message):
    path = copied / "table_01.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=f"table_01.csv: {message}"):
        paper_results(folder=copied)


def test_an_empty_file_and_an_empty_folder(copied, tmp_path):
    (copied / "table_01.csv").write_text("")
    with pytest.raises(InputError, match="its header is .nothing"):
        paper_results(folder=copied)
    with pytest.raises(InputError, match=r"no table_\*.csv"):
        paper_results(folder=tmp_path)
