"""Adapters that come with the kit: taken only where all that they were tuned from is the same, and as good."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import read_predictions
from rtuning_helpers.file_hashes import verify_checksums
from rtuning_helpers.json_files import read_json
from rtuning_helpers.miniworld import ready_adapters
from rtuning_helpers.miniworld.ready_adapters import ANSWERS, MADE, build_ready_adapters, some_answers
from rtuning_helpers.model.adapters import CONFIG
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.run.step_folders import read_manifest
from rtuning_helpers.tuning import finetuning, ready
from rtuning_helpers.tuning.ready import KEY, READY_FOLDER, find_ready, is_ready

ALL = [(path.parts[-3], path.parts[-2]) for path in sorted(READY_FOLDER.glob(f"*/*/{KEY}"))]
TOLERANCE = 0.01  # of a confidence, on another processor


def test_all_of_them_are_there():
    assert sorted(ALL) == sorted((dataset, method) for dataset, methods in MADE.items() for method in methods)


@pytest.mark.parametrize(("dataset", "method"), ALL)
def test_those_that_come_with_the_kit_are_of_use(dataset, method):
    """If this fails, something that tuning depends on has changed: `rtuning build-mini --adapters` makes them again."""
    folder = READY_FOLDER / dataset / method
    verify_checksums(folder)
    key = read_json(folder / KEY)["key"]
    assert read_json(folder / "adapter" / CONFIG)["base_model_name_or_path"] is None
    assert key["parameters"] == json.loads(json.dumps(steps.tuning_parameters(RunConfig(dataset=dataset), method)))
    assert {path.name for path in (folder / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }


@pytest.mark.parametrize(
    ("dataset", "method"), [("mini", "padding"), ("mini", "replacement"), ("multitask", "padding")]
)
def test_they_answer_as_those_that_were_tuned(dataset, method, recwarn):
    folder = READY_FOLDER / dataset / method
    recorded = read_predictions(folder / ANSWERS)
    found = some_answers(RunConfig(dataset=dataset), method, folder / steps.ADAPTER)
    assert len(found) > 20 and [w for w in recwarn if "peft" in w.filename] == []
    same = [f.prediction == r.prediction for f, r in zip(found, recorded, strict=True)]
    assert sum(same) >= len(same) - 1  # a tie may go the other way
    for name in ("answer_confidence", "sure_confidence"):
        pairs = [(getattr(f, name), getattr(r, name)) for f, r in zip(found, recorded, strict=True)]
        values = np.array(pairs, dtype=float)[same]
        np.testing.assert_allclose(values[:, 0], values[:, 1], atol=TOLERANCE)


@pytest.fixture
def run(tiny_model, tmp_path, monkeypatch):
    """A small run, and what was tuned in it; the kit's adapters are elsewhere."""
    small = replace(PROFILES["mini"], epochs=1, batch_size=16, samples=2, lora_rank=4, max_new_tokens=4)
    monkeypatch.setitem(profiles.PROFILES, "mini", small)
    monkeypatch.delenv("RTUNING_READY", raising=False)
    for module in (ready, ready_adapters):
        monkeypatch.setattr(module, "READY_FOLDER", tmp_path / "kit")
    tuned = []
    finetune = finetuning.finetune
    monkeypatch.setattr(finetuning, "finetune", lambda *a, **how: tuned.append(how["seed"]) or finetune(*a, **how))
    monkeypatch.setattr(steps, "tuned_at_once", lambda *_: 1)  # in this process, where it is counted
    ready.say_ready.cache_clear()
    return RunConfig(model=str(tiny_model), limit=TINY_LIMIT, out=str(tmp_path / "runs")), tuned


@pytest.fixture
def shipped(run, tiny_model):
    """The same, with an adapter of it that comes with the kit."""
    config, tuned = run
    made = {"mini": ("vanilla", "padding")}
    build_ready_adapters(lambda line: None, config.out, made, model=str(tiny_model), limit=TINY_LIMIT)
    assert tuned == [0, 0]
    tuned.clear()
    return config, tuned


def test_one_that_fits_is_taken_and_said(shipped, tmp_path, capsys):
    config, tuned = shipped
    user = replace(config, out=str(tmp_path / "user"), ready=True)
    for _ in range(2):
        found = steps.read_method_predictions(user, "padding", "id")
    assert tuned == []
    said = capsys.readouterr().out
    assert said.count("not tuned here. This adapter comes with the kit") == 1  # once a process
    assert found == steps.read_method_predictions(config, "padding", "id")
    manifest = read_manifest(steps.tuning_step(user, "padding"))
    assert "torch" in manifest["summary"]["ready"]
    assert manifest["parameters"] == read_manifest(steps.tuning_step(config, "padding"))["parameters"]
    assert steps.read_training_log(user, "padding").steps == steps.read_training_log(config, "padding").steps


def test_several_are_taken_at_once(shipped, tmp_path):
    config, tuned = shipped
    user = replace(config, out=str(tmp_path / "user"), ready=True)
    assert all(map(is_ready, steps.tuning_steps(user, ["vanilla", "padding"])))
    assert tuned == []


def test_who_asks_to_tune_tunes(shipped, tmp_path, capsys):
    """A run does not take it; nor is one left that another run took; and what is tuned stays."""
    config, tuned = shipped
    user = replace(config, out=str(tmp_path / "user"), ready=True)
    assert is_ready(steps.tuning_step(user, "padding")) and tuned == []
    folder = steps.tuning_step(replace(user, ready=False), "padding")  # as notebook 04 does
    assert tuned == [0] and not is_ready(folder)
    assert steps.tuning_step(user, "padding") == folder and not is_ready(folder)
    assert tuned == [0]
    steps.tuning_step(user, "padding", force=True)
    assert tuned == [0, 0] and not is_ready(folder)


@pytest.mark.parametrize("change", ["seed", "code", "records", "method", "epochs"])
def test_one_that_does_not_fit_is_left(shipped, tmp_path, monkeypatch, change):
    config, tuned = shipped
    user = replace(config, out=str(tmp_path / "user"), ready=True)
    method = "replacement" if change == "method" else "padding"
    if change in ("seed", "epochs"):
        user = replace(user, **{change: 2})
    elif change == "code":
        monkeypatch.setattr(steps, "code_fingerprint", lambda *makers: "another")
    elif change == "records":
        folder = steps.data_step(user, method)
        (folder / steps.RECORDS).write_text((folder / steps.RECORDS).read_text("utf-8") + "\n", encoding="utf-8")
        assert find_ready(steps.tuning_parameters(user, method), folder / steps.RECORDS) is None
        return
    assert not is_ready(steps.tuning_step(user, method))
    assert tuned == [user.seed]


def test_a_damaged_one_is_named(shipped, tmp_path):
    config, tuned = shipped
    weights = tmp_path / "kit" / "mini" / "padding" / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="adapter_model.safetensors: SHA-256 is .* expected"):
        steps.tuning_step(replace(config, out=str(tmp_path / "user"), ready=True), "padding")
    assert tuned == []
    assert not (tmp_path / "user" / "mini" / "mini" / "padding" / "seed0" / "tuning").exists()


def test_a_run_is_the_same_with_and_without(monkeypatch):
    monkeypatch.delenv("RTUNING_READY", raising=False)
    assert RunConfig(ready=True) == RunConfig() and RunConfig(ready=True).ready
    monkeypatch.setenv("RTUNING_READY", "0")
    assert not RunConfig(ready=True).ready
    monkeypatch.setenv("RTUNING_READY", "1")
    with pytest.raises(InputError, match="parameter ready is 'yes'; expected True or False"):
        RunConfig(ready="yes")
