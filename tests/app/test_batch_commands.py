"""``rtuning batch``, ``status`` and ``clean``: real steps of a tiny model, and what is refused before any of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from tiny import TINY_LIMIT

from rtuning_helpers.app import batch_commands, notebook_runs
from rtuning_helpers.app.cli import main
from rtuning_helpers.batch.state import batch_lock
from rtuning_helpers.json_files import read_json

NAMES = ("profile", "dataset", "seed", "limit", "model", "out", "data_dir", "tune_on")
PARAMETERS = "\n".join(
    [f"{name} = None" for name in NAMES] + ["methods = []", "force = False", "style, shots = 'plain', 5"]
)
METRICS = """from rtuning_helpers import steps
from rtuning_helpers.run.profiles import RunConfig
config = RunConfig(profile, dataset, seed, data_dir, limit, model, out, tune_on)
print(steps.read_metrics(config, methods)["rows"])"""


@pytest.fixture
def notebooks(tmp_path, monkeypatch) -> Path:
    """A folder with one notebook, which scores, in the place of the clone's."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell(METRICS)]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=spec), folder / "05_evaluate.ipynb")
    monkeypatch.setattr(notebook_runs, "notebooks_folder", lambda: folder)
    monkeypatch.setattr(batch_commands, "in_own_process", lambda function, *arguments: function(*arguments))
    monkeypatch.chdir(tmp_path)
    return folder


def write_grid(folder: Path, **keys: object) -> Path:
    keys = {"out": str(folder / "out"), "limit": TINY_LIMIT, "method": "padding"} | keys
    (folder / "grid.yaml").write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()))
    return folder / "grid.yaml"


def test_a_batch_from_the_untuned_model_to_the_page(notebooks, tmp_path, tiny_model, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_SECRET")
    grid = str(write_grid(tmp_path, model=str(tiny_model)))
    assert main(["batch", grid, "--dry-run"]) == 0
    assert "1 runs, 4 jobs: 0 finished, 4 to do" in capsys.readouterr().out
    assert not list((tmp_path / "out").rglob("manifest.json"))

    assert main(["batch", grid, "--report-to", "tensorboard"]) == 0
    out = capsys.readouterr().out
    assert "1 of 1 runs finished, 0 failed" in out
    (metrics,) = (tmp_path / "out").rglob("metrics.json")
    assert [row["method"] for row in read_json(metrics)["rows"]] == ["pretrained"] * 2 + ["padding"] * 2
    assert list((tmp_path / "out" / "tensorboard").rglob("events.out.tfevents*"))
    handed_on = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [path for path in handed_on if b"hf_SECRET" in path.read_bytes()]

    assert main(["batch", grid]) == 0
    assert "4 finished, 0 to do" in capsys.readouterr().out

    assert main(["status", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "data, predictions, tuning" in out and "Batch: 1 runs, 1 finished" in out

    assert main(["clean", str(tmp_path / "out"), "--keep", "metrics", "--dry-run"]) == 0
    assert "could be freed" in capsys.readouterr().out
    adapter = "padding/seed0/tuning/adapter/adapter_model.safetensors"
    assert list((tmp_path / "out").rglob(adapter))
    before = metrics.read_bytes()
    assert main(["clean", str(tmp_path / "out"), "--keep", "metrics"]) == 0
    assert not list((tmp_path / "out").rglob(adapter)) and metrics.read_bytes() == before
    assert not list((tmp_path / "out").rglob("*.jsonl"))[1:]  # the batch's own events

    capsys.readouterr()
    assert main(["batch", grid]) == 0  # what was measured is not measured again
    assert "4 finished, 0 to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"model": "./nowhere"}, "line 4, key model: .*nowhere: no such folder"),
        ({"dataset": "pararel"}, "line 4, key dataset: .*"),
        ({"dataset": "pararel", "data_dir": "nowhere"}, "nowhere"),
        ({"permutations": 4}, "line 4, key permutations: 05_evaluate.ipynb: .* lacks permutations"),
        ({"profile": "colab-t4"}, "line 4, key profile: colab-t4 needs a CUDA GPU"),
        ({"sedd": 1}, "line 4, key sedd: is unknown"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_starts(notebooks, tmp_path, capsys, keys, complaint):
    grid = write_grid(tmp_path, **keys)
    assert main(["batch", str(grid)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith(f"rtuning: error: {grid}, ") and re.search(complaint, captured.err)
    assert not (tmp_path / "out" / "batch" / "events.jsonl").exists()


def test_a_full_disk_is_seen_beforehand(notebooks, tmp_path, capsys, monkeypatch):
    from rtuning_helpers.app import batch_checks

    usage = batch_checks.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(batch_checks.shutil, "disk_usage", lambda path: usage._replace(free=2**20))
    assert main(["batch", str(write_grid(tmp_path))]) == 2
    assert "GiB free" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--only", "all"], "--only 'all' is unknown; expected failed"),
        (["--report-to", "paper"], "--report-to 'paper' is unknown"),
        (["--report-to", "wandb"], "--report-to wandb: it is not installed"),
        (["--jobs", "0"], "--jobs"),
        (["--retry", "-1"], "--retry"),
    ],
)
def test_options_that_mean_nothing(notebooks, tmp_path, capsys, monkeypatch, options, complaint):
    monkeypatch.setitem(batch_commands.SERVICES, "wandb", "a_module_that_is_not_there")
    assert main(["batch", str(write_grid(tmp_path)), *options]) == 2
    assert complaint in capsys.readouterr().err


def test_status_and_clean_of_nothing(tmp_path, capsys):
    for arguments in (["status", "nowhere"], ["status", str(tmp_path)], ["clean", str(tmp_path), "--keep", "metrics"]):
        assert main(arguments) == 2
    assert main(["clean", str(tmp_path), "--keep", ","]) == 2
    assert "--keep ',': expected steps" in capsys.readouterr().err


def test_status_tells_what_is_at_work_and_what_was_left(tmp_path, capsys):
    from rtuning_helpers.run.artifacts import run_step

    folder = tmp_path / "mini" / "mini" / "padding" / "seed0"
    run_step(folder / "data", {}, lambda work: (work / "records.jsonl").write_text("x" * 2**20) and None)
    (folder / ".tuning-0123abcd").mkdir()
    (folder / "mine.txt").write_text("kept")

    def look(work: Path) -> None:
        assert main(["status", str(tmp_path)]) == 0
        assert main(["clean", str(tmp_path), "--keep", "metrics"]) == 0

    run_step(folder / "predictions", {}, look)
    out = capsys.readouterr().out
    assert "running: predictions, stale: .tuning-0123abcd" in out and "1.0 MiB" in out
    assert "1.0 MiB freed" in out
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["data", "predictions"]
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["cleaned", "manifest.json"]
    assert (folder / "mine.txt").is_file()
    assert main(["clean", str(tmp_path), "--keep", "dat"]) == 2
    assert "--keep dat: no step in" in capsys.readouterr().err
    with batch_lock(tmp_path):
        assert main(["clean", str(tmp_path), "--keep", "metrics"]) == 2
    assert "another batch is at work there" in capsys.readouterr().err


def jobs_of(grid: str, capsys) -> list[str]:
    capsys.readouterr()
    assert main(["batch", grid, "--dry-run"]) == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]


def test_jobs_done_by_themselves_are_those_of_a_batch(notebooks, tmp_path, tiny_model, capsys):
    grid = str(write_grid(tmp_path, model=str(tiny_model)))
    assert main(["batch", grid, "--fetch"]) == 0
    names = jobs_of(grid, capsys)
    assert len(names) == 4
    for name in names:
        assert main(["batch", grid, "--job", name]) == 0
    (executed,) = (tmp_path / "out").rglob("05_evaluate.ipynb")
    before = executed.stat().st_mtime_ns
    assert main(["batch", grid, "--job", names[-1]]) == 0
    assert main(["batch", grid]) == 0
    out = capsys.readouterr().out
    assert "4 finished, 0 to do" in out and "1 of 1 runs finished, 0 failed" in out
    assert executed.stat().st_mtime_ns == before


def test_a_job_that_fails_by_itself_is_told_of_until_it_succeeds(notebooks, tmp_path, capsys, monkeypatch):
    grid = str(write_grid(tmp_path, method=["padding", "vanilla"]))
    name = next(name for name in jobs_of(grid, capsys) if name.endswith("/padding"))

    def fail(*_):
        raise MemoryError("no room\nat all")

    monkeypatch.setattr("rtuning_helpers.app.batch_job.do_step", fail)
    assert main(["batch", grid, "--job", name]) == 1
    assert capsys.readouterr().err == "rtuning: failed: MemoryError: no room at all\n"
    assert main(["status", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "1 failed" in out and "padding: no room at all" in out and "vanilla" not in out

    monkeypatch.setattr("rtuning_helpers.app.batch_job.do_step", lambda *_: None)
    assert main(["batch", grid, "--job", name]) == 0
    assert main(["status", str(tmp_path / "out")]) == 0
    assert "fail" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("keys", "options", "complaint"),
    [
        ({}, ["--job", "probe"], "--job probe: .* has no such job; expected one such as mini/.*probe"),
        ({"model": "./nowhere"}, ["--fetch"], "line 4, key model: .*nowhere: no such folder"),
        ({"dataset": "pararel", "data_dir": "nowhere"}, ["--fetch"], "line 4, key (dataset|data_dir): .*nowhere"),
    ],
)
def test_what_cannot_be_done_by_itself(notebooks, tmp_path, capsys, keys, options, complaint):
    assert main(["batch", str(write_grid(tmp_path, **keys)), *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1 and re.search(complaint, captured.err), captured.err
