"""Two processes that work together give the files of one: the same rows in the same order, numbers alike to 1e-4."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file
from several import in_several
from transformers import TrainerCallback

from rtuning_helpers import ranks, steps
from rtuning_helpers.errors import InputError
from rtuning_helpers.run import profiles
from rtuning_helpers.run.artifacts import run_step
from rtuning_helpers.run.profiles import PROFILES, RunConfig, default_out
from rtuning_helpers.tuning import trainer
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.trainer import own_part, shared_batches

linux = pytest.mark.skipif(sys.platform != "linux", reason="the processes are no copies of this one")
METHOD = "unsupervised"  # which needs all steps there are


@pytest.fixture
def config(tiny_model, tmp_path, monkeypatch):
    """A run of 17 questions a split, in steps of 8: one question is left over at the end, for one of two processes."""
    short = replace(PROFILES["mini"], epochs=3, batch_size=4, accumulation=2, lora_rank=4, samples=3)
    monkeypatch.setitem(profiles.PROFILES, "mini", short)
    return RunConfig(model=str(tiny_model), out=str(tmp_path / "one"), limit=17)


def assert_same(one: Path, two: Path) -> None:
    """The same files; what is in them differs by rounding only."""
    files = {path.relative_to(one) for path in one.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert files == {path.relative_to(two) for path in two.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert {"predictions-id.jsonl", "training.json", "metrics.json"} <= {file.name for file in files}
    for file in files:
        if file.suffix == ".jsonl":
            rows, others = ([json.loads(line) for line in (run / file).open()] for run in (one, two))
            assert len(rows) == len(others) == 17
            for row, other in zip(rows, others, strict=True):
                assert other == pytest.approx(row, abs=1e-4) if "answers" not in row else other["id"] == row["id"]
        elif file.suffix == ".safetensors":
            weights, others = load_file(one / file), load_file(two / file)
            assert weights.keys() == others.keys()
            for name, weight in weights.items():
                assert torch.allclose(weight, others[name], atol=1e-4), name
        elif file.name == "training.json":
            log, other = json.loads((one / file).read_text()), json.loads((two / file).read_text())
            assert torch.allclose(torch.tensor(log["losses"]), torch.tensor(other["losses"]), atol=1e-4)
            assert log.keys() == other.keys() and log["steps"] == other["steps"] == 9


@linux
def test_a_whole_run_by_two_processes_is_that_of_one(config, tmp_path):
    steps.metrics_step(config, [METHOD])
    two = replace(config, out=str(tmp_path / "two"))
    folders = in_several(lambda: steps.metrics_step(two, [METHOD]))
    assert folders[0] == folders[1]
    assert_same(tmp_path / "one", tmp_path / "two")
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("manifest.json")}
    in_several(lambda: steps.metrics_step(two, [METHOD]))  # all is there
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("manifest.json")} == written
    steps.metrics_step(two, [METHOD])  # for one process, too
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("manifest.json")} == written


class Interrupt(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 6:
            raise KeyboardInterrupt


class Count(TrainerCallback):
    def __init__(self) -> None:
        self.steps = []

    def on_step_end(self, args, state, control, **kwargs):
        self.steps.append(state.global_step)


@linux
def test_two_processes_go_on_where_they_were_interrupted(config, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(trainer, "SAVE_SHARE", float("inf"))
    monkeypatch.setitem(
        profiles.PROFILES, "mini", replace(profiles.PROFILES["mini"], tuning="full", learning_rate=1e-3)
    )
    two = replace(config, out=str(tmp_path / "two"))
    for run in (config, two):
        steps.data_step(run, "padding")

    def interrupted():
        with pytest.raises(KeyboardInterrupt):
            steps.tuning_step(two, "padding", tune=lambda *a, **k: finetune(*a, **k, callbacks=[Interrupt()]))
        return sorted(path.name for path in steps.step_folder(two, "padding", ".tuning-unfinished").iterdir())

    def gone_on():
        count = Count()
        steps.tuning_step(two, "padding", tune=lambda *a, **k: finetune(*a, **k, callbacks=[count]))
        return count.steps

    assert in_several(interrupted) == [["so_far.safetensors"]] * 2
    assert in_several(gone_on) == [[6, 7, 8, 9]] * 2
    log, other = (steps.read_training_log(run, "padding") for run in (config, two))
    assert torch.tensor(log.losses).allclose(torch.tensor(other.losses), atol=1e-4)
    (weights,), (others,) = (
        [load_file(path) for path in (steps.tuning_step(run, "padding") / "adapter").glob("*.safetensors")]
        for run in (config, two)
    )
    assert weights.keys() == others.keys()
    assert all(torch.allclose(weight, others[name], atol=1e-4) for name, weight in weights.items())


@linux
def test_a_step_is_written_by_the_first_process_alone(tmp_path):
    def do():
        def write(folder):
            (folder / "who").write_text(str(ranks.number()))
            return {"by": ranks.number()}

        found = run_step(tmp_path / "runs" / "step", {"a": 1}, write)
        return found, (found / "who").read_text(), json.loads((found / "manifest.json").read_text())["summary"]

    assert in_several(do, 3) == [(tmp_path / "runs" / "step", "0", {"by": 0})] * 3
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [".step.lock", "step"]


@pytest.mark.parametrize(
    ("batch_size", "accumulation", "count", "expected"),
    [
        (32, 1, 1, (32, 1)), (4, 2, 1, (4, 2)), (4, 2, 2, (8, 1)), (4, 4, 2, (8, 2)), (4, 4, 3, (8, 2)),
        (16, 1, 3, (16, 1)), (3, 5, 2, (5, 3)),
    ],
)  # fmt: skip
def test_an_optimiser_step_has_the_examples_of_one_process(monkeypatch, batch_size, accumulation, count, expected):
    monkeypatch.setattr(ranks, "count", lambda: count)
    found = shared_batches(batch_size, accumulation)
    assert found == expected
    assert found[0] * found[1] == batch_size * accumulation and found[0] <= batch_size * count


def test_more_processes_than_examples_are_refused(monkeypatch):
    monkeypatch.setattr(ranks, "count", lambda: 5)
    with pytest.raises(InputError, match="5 processes were started for steps of 4 examples; expected 4 at most"):
        shared_batches(4, 1)


def test_the_rows_of_a_batch_are_parted(monkeypatch):
    rows = [{"input_ids": [number, 7], "labels": [-100, number]} for number in range(5)]
    monkeypatch.setattr(ranks, "count", lambda: 2)
    parts = []
    for number in range(2):
        monkeypatch.setattr(ranks, "number", lambda number=number: number)
        parts.append(own_part(rows))
    assert [row["labels"][1] for part in parts for row in part] == [0, 2, 4, 1, 3]
    assert own_part(rows[:1]) == [{"input_ids": [0], "labels": [-100]}]


def run_module(monkeypatch, module: str, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    return ended.value.code


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_commands_do_the_runs_of_a_grid(config, tmp_path, monkeypatch, capsys):
    grid = tmp_path / "grid.yaml"
    grid.write_text(f"model: {config.model}\nlimit: 17\nmethod: padding\nout: {config.out}\n")
    assert run_module(monkeypatch, "rtuning_helpers.tuning.finetuning", "--config", str(grid)) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.rpartition("/")[2] for line in told] == ["probe-train", "tuning"]
    assert (steps.step_folder(config, "padding", "tuning") / "adapter" / "adapter_model.safetensors").is_file()
    assert run_module(monkeypatch, "rtuning_helpers.evaluation.predict", "--config", str(grid)) == 0
    assert len(steps.read_metrics(config, ["padding"])["rows"]) == 4


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limit: 17\nmethods: padding\n", "line 2, key methods: is unknown; expected method?"),
        ("limit: many\n", "line 1, key limit: is 'many'; expected a whole number"),
        ("profile: huge\n", "line 1, key profile: 'huge' is unknown"),
    ],
)
def test_a_bad_grid_is_one_line(tmp_path, monkeypatch, capsys, text, said):
    grid = tmp_path / "grid.yaml"
    grid.write_text(text)
    assert run_module(monkeypatch, "rtuning_helpers.tuning.finetuning", "--config", str(grid)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rtuning: error: {grid}, ") and said in line


def test_accelerate_reads_the_configurations_that_are_shipped():
    files = sorted((default_out() / "workflow" / "accelerate").glob("*.yaml"))
    assert [file.stem for file in files] == ["fsdp-full", "fsdp-qlora", "two-cpu-processes"]
    for file in files:
        read = load_config_from_file(str(file))
        assert read.num_processes > 1
        assert file.stem == "two-cpu-processes" or read.fsdp_config["fsdp_version"] == 2
