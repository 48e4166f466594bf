"""The ledger: finished runs are filed under the paper's cells, whole or not at all."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import pytest

from rtuning_helpers.app import cli
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction, write_predictions
from rtuning_helpers.evaluation.summary import summarise
from rtuning_helpers.json_files import write_records
from rtuning_helpers.paper.ledger import (
    HEADER,
    NOT_MEASURED,
    NOT_PRINTED,
    compare,
    count_cells,
    file_rows,
    narrow,
    read_ledger,
)
from rtuning_helpers.paper.run_rows import run_rows
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.probe.uncertainty import Uncertainty

METHODS = ("pretrained", "vanilla", "padding", "replacement", "unsupervised")


def predictions(method, split, n=40):
    asked = method in ("padding", "unsupervised")
    refuses = asked or method == "replacement"
    made = []
    for i in range(n):
        confidence = (i + 0.5) / n
        made.append(
            Prediction(
                f"{split}-{i}",
                "pararel",
                split,
                "Q?",
                "a",
                "a",
                i % 3 > 0,
                confidence,
                1 - confidence if asked else None,
                i % 4 == 0 if refuses else None,
            )  # fmt: skip
        )
    return made


def save_run(folder, seeds=(0,), model="openlm-research/open_llama_3b", limit=None):
    for seed in seeds:
        rows = []
        for method in METHODS:
            for split in ("id", "ood"):
                made = predictions(method, split)
                write_predictions(folder / method / f"seed{seed}" / "predictions" / f"predictions-{split}.jsonl", made)
                rows.append(summarise(made, method, split, resamples=20, seed=seed))
        report = {"schema_version": 1, "profile": "paper", "dataset": "pararel", "seed": seed, "model": model}
        path = folder / "metrics" / f"seed{seed}" / "metrics.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**report, "limit": limit, "rows": rows}))
        base = folder / "pretrained" / f"seed{seed}"
        (base / "probe-train").mkdir()
        (base / "uncertainty").mkdir()
        probe = Probe("1", "pararel", "train", "Q?", "a", "P1", None, "a", True, 0.9, 0.1)
        unknown = Probe(**{**asdict(probe), "id": "2", "correct": False})
        write_records(base / "probe-train" / "probes.jsonl", [probe, unknown])
        measured = [Uncertainty("1", 10.0, 0.5, ["a"]), Uncertainty("2", 30.0, 1.5, ["b"])]
        write_records(base / "uncertainty" / "uncertainty.jsonl", measured)
    return folder


def add_run(run, ledger):
    file_rows(run_rows(run), ledger)


@pytest.fixture
def run(tmp_path):
    return save_run(tmp_path / "runs" / "paper" / "pararel")


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "results" / "ledger.csv"


def value(frame, table, split, method, metric):
    found = frame.query("table == @table and split == @split and method == @method and metric == @metric")
    assert len(found) == 1
    return found.iloc[0]


def test_a_run_is_filed_under_the_papers_cells(run, ledger):
    add_run(run, ledger)
    frame = read_ledger(ledger)
    assert set(frame.dataset) == {"ParaRel"}
    assert set(frame.model) == {"OpenLLaMA-3B"}
    assert value(frame, "8", "id", "Pretrain-T", "accuracy").value == pytest.approx(100 * 26 / 40)
    assert value(frame, "8", "id", "R-Tuning-R", "answer rate").value == pytest.approx(75)
    willing = value(frame, "8", "id", "R-Tuning-R", "willing accuracy")
    assert (willing.value, willing.n) == (pytest.approx(100 * 20 / 30, abs=1e-3), 30)
    assert value(frame, "8", "ood", "Pretrain-W", "willing accuracy").value == pytest.approx(100 * 20 / 30, abs=1e-3)
    # answer and sure confidence of the fixture add up to 1, so their mean is 0.5 and their ECE |accuracy - 0.5|
    assert value(frame, "14", "id", "R-Tuning-U", "mean confidence").value == pytest.approx(50)
    assert value(frame, "15", "id", "R-Tuning-U", "mean sure probability").value == pytest.approx(50)
    assert value(frame, "16", "id", "R-Tuning-U", "ECE").value == pytest.approx(26 / 40 - 0.5, abs=1e-4)
    assert value(frame, "4/10", "train", "pretrained", "perplexity D1").value == 10
    assert value(frame, "5/11", "train", "pretrained", "entropy D0").value == 1.5
    assert {"1", "2"} < set(frame.table)
    assert (frame.low <= frame.value + 1e-9).all()
    assert (frame.value <= frame.high + 1e-9).all()


def test_filing_twice_changes_nothing_and_another_seed_is_added(tmp_path, run, ledger):
    add_run(run, ledger)
    once = ledger.read_bytes()
    add_run(run, ledger)
    assert ledger.read_bytes() == once
    add_run(save_run(tmp_path / "more" / "paper" / "pararel", seeds=(1, 2)), ledger)
    frame = read_ledger(ledger)
    assert set(frame.seed) == {0, 1, 2}
    assert len(frame) == 3 * (len(once.splitlines()) - 1)


def test_the_same_run_named_twice_is_filed_once(run, ledger, capsys):
    assert cli.main(["ledger", "add", str(run), str(run), "--file", str(ledger)]) == 0
    twice = ledger.read_bytes()
    ledger.unlink()
    add_run(run, ledger)
    assert ledger.read_bytes() == twice


def test_the_three_columns_side_by_side(run, ledger):
    add_run(run, ledger)
    table = compare(1, read_ledger(ledger)).set_index(["dataset", "split", "model", "method", "metric"])
    ours = table.loc[("ParaRel", "id", "OpenLLaMA-3B", "R-Tuning", "AP")]
    assert ours["paper"] == "93.23"
    assert "90.69 (shizhediao/R-Tuning issue 14)" in ours["published re-runs"]
    assert ours["this kit"].endswith("n 40, seed 0, paper")
    nobody = table.loc[("MMLU", "ood", "LLaMA-13B", "Vanilla", "AP")]
    assert (nobody["published re-runs"], nobody["this kit"]) == (NOT_MEASURED, NOT_MEASURED)
    assert table.loc[("ParaRel", "id", "OpenLLaMA-3B", "Pretrain-T", "AP"), "paper"] == NOT_PRINTED
    assert len(table) == 24 + 2  # the paper's cells, and the untuned model's AP on both splits


def test_cells_are_counted_by_who_measured_them(run, ledger):
    add_run(run, ledger)
    (row,) = count_cells({"1": compare(1, read_ledger(ledger))}).to_dict("records")
    assert (row["table"], row["printed"], row["mini world"]) == ("1", 24, 0)
    assert row["measured by this kit"] == 4  # R-Tuning and vanilla on two splits; the paper has no untuned model there
    either = row["re-run by others"] + row["measured by this kit"]
    assert row["printed"] - either <= row["by nobody"] <= row["printed"] - row["measured by this kit"]
    assert count_cells({"3": compare(3, read_ledger(ledger))}).table.tolist() == ["3 and 7"]


def test_a_narrow_table_has_numbers_for_sources(run, ledger):
    add_run(run, ledger)
    whole = compare(1, read_ledger(ledger))
    short = narrow(whole, ["another", "shizhediao/R-Tuning issue 14"])
    cell = (whole.model == "OpenLLaMA-3B") & (whole.split == "id") & (whole.dataset == "ParaRel")
    (row,) = short[cell & (whole.method == "R-Tuning")].to_dict("records")
    assert "90.69 [2]" in row["published re-runs"]
    assert row["this kit"].endswith("]") and "issue 14" in whole["published re-runs"].str.cat()


def test_seeds_are_averaged(tmp_path, ledger):
    add_run(save_run(tmp_path / "run", seeds=(0, 1)), ledger)
    frame = read_ledger(ledger)
    frame.loc[frame.seed == 1, ["value", "low", "high"]] += 2
    cell = (
        compare(1, frame)
        .query("method == 'R-Tuning' and split == 'id' and model == 'OpenLLaMA-3B'")["this kit"]
        .iloc[0]
    )
    one = value(frame[frame.seed == 0], "1", "id", "R-Tuning", "AP")
    assert cell.startswith(f"{one.value + 1:.2f} [")
    assert cell.endswith("n 40, seeds 0, 1, paper")


def test_the_shipped_ledger_holds_the_mini_world_over_three_seeds():
    frame = read_ledger()
    mini = frame[frame.dataset == "mini world"]
    assert set(mini.seed) >= {0, 1, 2}
    assert set(mini.profile) == {"mini"}
    assert not mini.duplicated(["table", "split", "method", "metric", "seed"]).any()


# --- bad input: one line, exit status 2, the ledger as it was ---


def edit(run, change):
    path = run / "metrics" / "seed0" / "metrics.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(schema_version=2), "expected the metrics.json of a run, with schema_version 1"),
        (lambda r: r.update(limit=300), "the run used parameter limit 300; expected a run over all questions"),
        (lambda r: r.update(style="chat"), "the run used parameter style chat; expected plain"),
        (lambda r: r.update(permutations=4), "the run used parameter permutations 4; expected 1"),
        (lambda r: r.update(extra=1), "the file has the unknown field 'extra'"),
        (lambda r: r.pop("model"), "the file lacks model"),
        (lambda r: r.update(seed="0"), 'seed is "0"; expected int'),
        (lambda r: r["rows"][0].update(f1=0.5), "row 1 has the unknown field 'f1'"),
        (lambda r: r["rows"][2].pop("n"), "row 3 lacks n"),
        (lambda r: r["rows"][0].update(accuracy=math.nan), r"row 1: accuracy is \[NaN"),
        (lambda r: r["rows"][0].update(accuracy=65.0), r"row 1: accuracy is \[65.0"),
        (lambda r: r["rows"][0].update(accuracy_ci95=None), r"row 1: accuracy is \[0.65\]; expected a number in"),
        (lambda r: r["rows"].append("row"), 'row 11 is "row"; expected an object'),
    ],
)
def test_a_bad_report_leaves_the_ledger_as_it_was(run, ledger, capsys, change, message):
    add_run(run, ledger)
    before = ledger.read_bytes()
    edit(run, change)
    with pytest.raises(InputError, match=message):
        run_rows(run)
    assert cli.main(["ledger", "add", str(run), "--file", str(ledger)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rtuning: error: ")
    assert error.count("\n") == 1
    assert ledger.read_bytes() == before


def test_a_wrong_header_is_refused_and_kept(run, ledger, capsys):
    ledger.parent.mkdir()
    ledger.write_text("table,dataset,value\n1,ParaRel,3\n")
    assert cli.main(["ledger", "add", str(run), "--file", str(ledger)]) == 2
    assert f"expected {','.join(HEADER)}" in capsys.readouterr().err
    assert ledger.read_text() == "table,dataset,value\n1,ParaRel,3\n"


def test_an_unfinished_run_and_a_second_bad_run_file_nothing(tmp_path, run, ledger, capsys):
    assert cli.main(["ledger", "add", str(run), str(tmp_path / "nothing"), "--file", str(ledger)]) == 2
    assert "expected the folder of a finished run" in capsys.readouterr().err
    assert not ledger.exists()


def test_the_command_files_and_shows(run, ledger, capsys):
    assert cli.main(["ledger", "add", str(run), "--file", str(ledger)]) == 0
    assert "of seeds 0 filed in" in capsys.readouterr().out
    assert cli.main(["ledger", "show", "1", "--file", str(ledger)]) == 0
    assert "Table 1 of the paper" in capsys.readouterr().out
    assert cli.main(["ledger", "show", "6", "--file", str(ledger)]) == 2
    assert "table '6': the paper has no such table" in capsys.readouterr().err
