"""GRID.yaml: the runs it stands for, and one line with file, line and key for everything that is wrong."""

from __future__ import annotations

import pytest

from rtuning_helpers.batch.grid import read_grid
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.profiles import RunConfig, default_out

DECLARED = {
    "01_probe": {"seed": 0, "limit": None},
    "05_evaluate": {"seed": 0, "limit": None},
    "07_refuse": {"seed": 0, "sets": ["nec"], "choice_model": None},
}
MAIN_LINE = ["01_probe", "05_evaluate"]


@pytest.fixture
def read(tmp_path, monkeypatch):
    def reader(text: str):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "grid.yaml").write_text(text, encoding="utf-8")
        return read_grid(tmp_path / "grid.yaml", DECLARED, MAIN_LINE)

    return reader


def test_every_combination_is_a_run(read, tmp_path):
    grid = read("out: results\nlimit: 40\nmethod: [vanilla, padding]\ndataset: [mini, mini-mmlu]\nseed: [0, 1]\n")
    assert grid.out == tmp_path / "results" and grid.notebooks == tuple(MAIN_LINE)
    assert grid.runs == [
        f"mini/{dataset}-limit40/{method}/seed{seed}"
        for dataset in ("mini", "mini-mmlu")
        for seed in (0, 1)
        for method in ("vanilla", "padding")
    ]
    assert grid.groups[-1].config == RunConfig(dataset="mini-mmlu", limit=40, seed=1, out=str(tmp_path / "results"))


def test_grids_share_what_stands_above_them(read, tmp_path):
    (tmp_path / "model").mkdir()
    text = """seed: [0, 1]
method: padding
grids:
  - dataset: mini
  - dataset: pararel  # another world
    data_dir: files
    model: [model, owner/name, null]
    method: vanilla
"""
    grid = read(text)
    assert grid.out == default_out() / "runs" / "grid"
    assert [group.methods for group in grid.groups] == [("padding",)] * 2 + [("vanilla",)] * 6
    configs = [group.config for group in grid.groups]
    assert {config.data_dir for config in configs[2:]} == {str(tmp_path / "files")}
    assert list(dict.fromkeys(config.model for config in configs)) == [None, str(tmp_path / "model"), "owner/name"]


def test_notebooks_are_named_by_their_numbers(read):
    grid = read("notebooks: [07, 01]\nsets: [[falseqa, nec]]\nseed: 3\nmethod: padding\ngrids: [{limit: 5}]")
    assert grid.notebooks == ("01_probe", "07_refuse")


def test_parameters_of_single_notebooks(read):
    grid = read("notebooks: 07\nsets: [[falseqa, nec]]\nchoice_model: a/b\nmethod: padding")
    (group,) = grid.groups
    assert group.extra == {"sets": ["falseqa", "nec"], "choice_model": "a/b"}
    assert grid.notebooks == ("07_refuse",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "grid.yaml: is empty"),
        ("seed: [0\nlimit: 3", r"line 2: not valid YAML"),
        ("- seed", "line 1: no keys here"),
        ("seed: 0\nsedd: 1", r"line 2, key sedd: is unknown; expected seed\?"),
        ("seed: 0\nforce: true", "line 2, key force: is unknown"),
        ("seed: 0\nseed: 1", "line 2, key seed: stands here for the second time"),
        ("method: padding\nseed: [0, one]", "line 2, key seed: is 'one'; expected a whole number"),
        ("method: padding\nseed:\n  - 0\n  - yes", "line 4, key seed: is True"),
        ("limit: 2.5", "line 1, key limit: is 2.5"),
        ("dataset: mini\nseed: []", "line 2, key seed: is an empty list"),
        ("seed: {from: 0}", "line 1, key seed: neither a value nor a list"),
        ("seed: [[0, 1]]", "line 1, key seed: neither a value nor a list"),
        ("dataset: mini\nseed: 2024-01-01", "line 2, key seed: 2024-01-01 is a date"),
        ("dataset: !!python/object/apply:os.system ['true']", "line 1, key dataset: 'true' is unknown"),
        ("dataset: !!python/name:os.system", "line 1, key dataset: cannot be read"),
        ("profile: huge", "line 1, key profile: 'huge' is unknown"),
        ("dataset: [mini, nothing]\nmethod: padding", "line 1, key dataset: 'nothing' is unknown"),
        ("dataset: ../../etc\n", "line 1, key dataset: '../../etc' is unknown"),
        ("seed: 0\ntune_on: ../x\n", "key tune_on: '../x' is unknown"),
        ("method:\n  - padding\n  - magic", "line 3, key method: \"magic\" is unknown; expected some of vanilla"),
        ("seed: 0\nmethod: 1", "line 2, key method: 1 is unknown"),
        ("dataset: mini\nseed: [0, 0]", "line 1, key seed: two runs have the folder mini/mini/vanilla/seed0"),
        ("method: [padding, padding]", "two runs have the folder mini/mini/padding/seed0"),
        ("dataset: mini\nmodel: [a/b, a-b]", "two runs have the folder mini-a-b/mini/vanilla/seed0"),
        ("notebooks: 07\nsets: [[nec], [falseqa]]", "two runs have the folder"),
        ("seed: 0\nsets: [[nec]]", "line 2, key sets: no such parameter in 01_probe, 05_evaluate"),
        ("notebooks: 07\nsets: nec", "line 2, key sets: \"nec\" is of the wrong kind; expected list"),
        ("notebooks: [12]", "line 1, key notebooks: \"12\" names none or several"),
        ("notebooks: 0", "line 1, key notebooks: \"0\" names none or several"),
        ("out: 3", "line 1, key out: is no text"),
        ("grids: [{out: a}]", "key out: is one for the whole file"),
        ("seed: &a [*a, *a]", "not valid YAML|neither a value"),
        (f"seed: {list(range(4000))}", "more than 10,000 runs"),
        ("shots: 3", "line 1, key shots: 3 means nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(read, text, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        read(text)
    assert "grid.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_no_grid(tmp_path):
    with pytest.raises(InputError, match="file not found"):
        read_grid(tmp_path / "grid.yaml", DECLARED, MAIN_LINE)
