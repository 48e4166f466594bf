"""Whole notebooks on other data: questions of which the mini model knows nothing, and real recordings."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers.app.notebook_runs import execute, notebooks_folder
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.profiles import PROFILES

PLACES = "Paris London Rome Madrid Lisbon Vienna Warsaw Dublin".split()
ROWS = [[f"Where was person number {i} born?", PLACES[i % len(PLACES)], "P19(place of birth)"] for i in range(16)]
PARAREL = {"training_data.json": ROWS, "ID_test_pararel.json": ROWS[::-1], "OOD_test_pararel.json": ROWS[3:]}


@pytest.mark.notebooks
def test_the_ledger_reads_the_real_recordings(tmp_path, shared_data):
    recordings = shared_data / "recorded" / "openllama-3b-pararel"
    if not recordings.is_dir():
        pytest.skip(f"no recordings at {recordings}")
    data_dir = str(shared_data / "r-tuning" / "pararel")
    parameters = {"recordings": str(recordings), "dataset": "pararel", "data_dir": data_dir, "limit": TINY_LIMIT}
    parameters |= {"out": str(tmp_path / "runs")}  # of the mini model, which may know nothing
    source = notebooks_folder() / "08_settle_the_ledger.ipynb"
    done = execute(source, tmp_path / source.name, parameters)
    outputs = [o for cell in nbformat.read(done, as_version=4).cells for o in cell.get("outputs", [])]
    shown = "\n".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)
    assert "a real OpenLLaMA-3B" in shown
    for number in ("0.6295", "0.9074", "0.9461", "0.8664", "1021", "0.9775", "0.3295", "0.2887", "2219", "0.8941"):
        assert number in shown, number
    parameters["data_dir"] = str(tmp_path)
    for name, rows in PARAREL.items():  # other questions than those recorded
        (tmp_path / name).write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(InputError, match="origin_ID.json: holds 5,584 rows; expected the 16 questions"):
        execute(source, tmp_path / source.name, parameters)


@pytest.mark.notebooks
def test_a_model_that_knows_nothing_gets_through_all_notebooks(tmp_path):
    for name, rows in PARAREL.items():
        (tmp_path / name).write_text(json.dumps(rows), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "rtuning_helpers.app.cli",
        "run",
        "--dataset",
        "pararel",
        "--data-dir",
        str(tmp_path),
    ]
    command += ["--methods", "vanilla,padding", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    results = tmp_path / "out" / "mini" / "pararel"
    report = json.loads((results / "metrics" / "seed0" / "metrics.json").read_text(encoding="utf-8"))
    assert {(row["method"], row["split"]) for row in report["rows"]} == {
        (method, split) for method in ("pretrained", "vanilla", "padding") for split in ("id", "ood")
    }
    assert all(row["auroc_answer"] is None for row in report["rows"] if row["accuracy"] in (0, 1))
    for path in sorted((results / "notebooks" / "seed0").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        streams = [o for cell in cells for o in cell.get("outputs", []) if o.output_type == "stream"]
        assert any("it knows nothing of this data" in o.text for o in streams), path.name
        assert not any("Warning" in o.text for o in streams), path.name


@pytest.mark.notebooks
@pytest.mark.parametrize("name", ["09_compare_estimators", "10_lucky_or_known", "11_watch_the_split"])
def test_the_uncertainty_notebooks_take_another_model(tmp_path, tiny_model, name):
    """Another model, few questions, nothing recorded: no finding is asserted, nothing fails, nothing warns."""
    source = notebooks_folder() / f"{name}.ipynb"
    parameters = {"model": str(tiny_model), "limit": TINY_LIMIT, "out": str(tmp_path / "runs")}
    done = nbformat.read(execute(source, tmp_path / source.name, parameters), as_version=4)
    streams = [o.text for cell in done.cells for o in cell.get("outputs", []) if o.output_type == "stream"]
    assert not any("Warning" in text for text in streams)


@pytest.mark.notebooks
@pytest.mark.parametrize(
    ("name", "tune_on", "splits"),
    [
        ("multitask", None, ("pararel", "mmlu", "wice", "hotpotqa", "fever", "halueval")),
        ("mini-fever", None, ("id", "ood")),
        ("mini-selfaware", "mini-mmlu+mini-fever", ("test",)),
    ],
)
def test_the_main_line_takes_every_data_set(tmp_path, tiny_model, name, tune_on, splits):
    """Mixtures, splits of other names, sets that are only tested on: notebooks 01 to 05 run and leave the metrics."""
    command = [sys.executable, "-m", "rtuning_helpers.app.cli", "run", "--dataset", name, "--limit", str(TINY_LIMIT)]
    command += ["--tune-on", tune_on] if tune_on else []
    command += ["--methods", "vanilla,padding", "--model", str(tiny_model), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").glob("*/*/metrics/seed0/metrics.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    assert (report["dataset"], report["tuned_on"]) == (name, tune_on or name)
    assert {(row["method"], row["split"]) for row in report["rows"]} == {
        (method, split) for method in ("pretrained", "vanilla", "padding") for split in splits
    }
    for executed in sorted(path.parents[2].glob("notebooks/seed0/*.ipynb")):
        cells = nbformat.read(executed, as_version=4).cells
        streams = [o.text for cell in cells for o in cell.get("outputs", []) if o.output_type == "stream"]
        assert not any("Warning" in text for text in streams), executed.name


@pytest.mark.notebooks
def test_the_multitask_notebook_takes_another_model(tmp_path):
    """Nothing is recorded for it, so that everything is computed; no finding is asserted."""
    source = notebooks_folder() / "06_train_on_many_tasks.ipynb"
    parameters = {"model": "mini", "limit": TINY_LIMIT, "out": str(tmp_path / "runs")}
    done = nbformat.read(execute(source, tmp_path / source.name, parameters), as_version=4)
    streams = [o.text for cell in done.cells for o in cell.get("outputs", []) if o.output_type == "stream"]
    assert not any("Warning" in text for text in streams)
    with pytest.raises(InputError, match="parameter dataset is 'mini'; this experiment needs 'multitask'"):
        execute(source, tmp_path / source.name, parameters | {"dataset": "mini"})


def test_every_notebook_names_every_profile_where_one_is_chosen():
    for path in sorted((notebooks_folder() / "source").glob("*.py")):
        [line] = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("profile = ")]
        assert not [name for name in PROFILES if name not in line], f"{path.name}: {line}"
