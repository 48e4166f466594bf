"""Models tuned at the same time by processes of their own: the same result, and nothing left behind by a failure."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest
import torch

from rtuning_helpers import steps
from rtuning_helpers.errors import InputError
from rtuning_helpers.run import profiles
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning import side_by_side
from rtuning_helpers.tuning.side_by_side import do_side_by_side

METHODS = ["vanilla", "replacement"]
LIMIT = 24


@pytest.fixture
def config(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], epochs=2, batch_size=8, lora_rank=4))
    monkeypatch.setattr(steps, "free_cores", lambda: 2)
    return RunConfig(model=str(tiny_model), out=str(tmp_path / "runs"), limit=LIMIT)


@pytest.fixture
def long_run(config, monkeypatch):
    """A run whose tuning takes minutes."""
    monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], epochs=2000, batch_size=8, lora_rank=4))
    for method in METHODS:
        steps.data_step(config, method)
    return config


def children():
    """Processes that were started, but for the one by which Python keeps track of those that are no copies."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [process] if "resource_tracker" not in " ".join(process.cmdline()) else []
    return found


def assert_nothing_is_left(config):
    assert not children()
    left = [*results_folder(config).rglob("tuning*"), *results_folder(config).rglob(".tuning*")]
    assert [path for path in left if path.suffix != ".lock"] == []  # an empty file, which stays


def when_both_run(action):
    """Does something as soon as the other process is there."""

    def wait():
        while not children():
            threading.Event().wait(0.05)
        action()

    threading.Thread(target=wait, daemon=True).start()


def test_side_by_side_gives_what_one_after_the_other_gives(config, tmp_path):
    alone = replace(config, out=str(tmp_path / "alone"))
    torch.set_num_threads(4)
    assert (torch.ones(600, 600) @ torch.ones(600, 600)).sum() == 600**3  # a copy of this process has not these threads
    folders = steps.tuning_steps(config, METHODS)
    torch.set_num_threads(1)
    assert not children()
    assert [folder.parents[1].name for folder in folders] == METHODS
    for method in METHODS:
        steps.tuning_step(alone, method)
        ours, theirs = steps.read_training_log(config, method), steps.read_training_log(alone, method)
        assert (ours.steps, ours.examples) == (theirs.steps, theirs.examples) == (6, LIMIT)
        assert [loss for _, loss in ours.losses] == pytest.approx([loss for _, loss in theirs.losses], rel=1e-4)
    before = [folder.stat().st_mtime_ns for folder in folders]
    assert [folder.stat().st_mtime_ns for folder in steps.tuning_steps(config, METHODS)] == before


def test_only_small_models_are_tuned_side_by_side(config, monkeypatch):
    assert [steps.tuned_at_once(config, count) for count in (1, 2, 3)] == [1, 2, 2]
    monkeypatch.setattr(side_by_side, "SMALL", 1e5)
    assert steps.tuned_at_once(config, 3) == 1
    monkeypatch.setattr(side_by_side, "do_side_by_side", lambda *_: pytest.fail("side by side"))
    for folder in steps.tuning_steps(config, METHODS):
        assert (folder / "training.json").is_file()


def test_an_error_in_one_ends_the_other_and_leaves_nothing(long_run):
    class OwnError(Exception):
        pass

    def fail(tune):
        while len(children()) < 1:
            threading.Event().wait(0.05)
        raise OwnError

    with pytest.raises(OwnError):
        do_side_by_side([lambda tune: steps.tuning_step(long_run, "vanilla", tune=tune), fail], at_once=2)
    assert_nothing_is_left(long_run)


def test_ctrl_c_ends_all(long_run):
    when_both_run(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        steps.tuning_steps(long_run, METHODS)
    assert_nothing_is_left(long_run)


def test_a_killed_process_is_named_and_ends_all(long_run):
    when_both_run(lambda: children()[0].kill())
    with pytest.raises(RuntimeError, match=r"(vanilla|replacement): fine-tuning: its process was killed"):
        steps.tuning_steps(long_run, METHODS)
    assert_nothing_is_left(long_run)


def test_bad_input_comes_back_as_one_line(config, monkeypatch):
    for method in METHODS:
        steps.data_step(config, method)
    tuned = replace(PROFILES["mini"], tuning="prompt", model=config.model)
    monkeypatch.setattr(RunConfig, "settings", tuned)
    records = steps.read_records(steps.step_folder(config, "vanilla", "data") / "records.jsonl", steps.TuningRecord)
    task = [lambda tune: tune(records, tuned, results_folder(config) / "out", seed=0, description="bad")]
    with pytest.raises(InputError, match="tuning is 'prompt'; expected qlora, lora or full"):
        do_side_by_side(task, at_once=1)
