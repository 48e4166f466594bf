"""A tuning that is interrupted goes on from where it was, with the result of one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, TrainerCallback

from rtuning_helpers import progress, steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.run import profiles
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning import finetuning, trainer
from rtuning_helpers.tuning.checkpoint import FILE, PART, read_checkpoint, save_checkpoint
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.refusal_data import TuningRecord

STEPS, IN_ALL = 4, 44  # of an epoch; of all, with a loss in the log after every second


@pytest.fixture(scope="module")
def records():
    questions = load_questions("mini", "train", limit=22)  # the last batch of an epoch has 4 of 6
    return [
        TuningRecord(q.id, prompts.question_prompt(q.question), prompts.padding_completion(q.answer, sure), sure)
        for q, sure in zip(questions, [True, False] * 11, strict=True)
    ]


@pytest.fixture
def settings(tiny_model):
    kind = {"epochs": IN_ALL // STEPS, "batch_size": 6, "learning_rate": 5e-3, "lora_rank": 4}
    return replace(PROFILES["mini"], model=str(tiny_model), **kind)


@pytest.fixture
def config(tiny_model, tmp_path, monkeypatch):
    short = replace(PROFILES["mini"], epochs=3, batch_size=6, lora_rank=4)
    monkeypatch.setitem(profiles.PROFILES, "mini", short)
    return RunConfig(model=str(tiny_model), out=str(tmp_path / "runs"), limit=24)


@pytest.fixture
def place(tmp_path):
    return Unfinished(tmp_path / "place", "key")


@pytest.fixture
def always(monkeypatch):
    """Save after every step."""
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(trainer, "SAVE_SHARE", float("inf"))


class Interrupt(TrainerCallback):
    """Ctrl-C in a step, before it is saved."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise KeyboardInterrupt


class Count(TrainerCallback):
    def __init__(self) -> None:
        self.steps = []

    def on_step_end(self, args, state, control, **kwargs):
        self.steps.append(state.global_step)


def interrupt(records, settings, folder, step, **how):
    with pytest.raises(KeyboardInterrupt):
        finetune(records, settings, folder, **how, callbacks=[Interrupt(step)])


def weights(folder):
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def assert_same(folder, log, other, other_log):
    assert (log.steps, log.examples, log.dtype) == (other_log.steps, other_log.examples, other_log.dtype)
    assert [step for step, _ in log.losses] == [step for step, _ in other_log.losses]
    assert [loss for _, loss in log.losses] == pytest.approx([loss for _, loss in other_log.losses], rel=1e-5)
    found, wanted = weights(folder), weights(other)
    assert found.keys() == wanted.keys()
    for name, weight in wanted.items():
        assert torch.allclose(found[name], weight, rtol=1e-4, atol=1e-6), name


def stacked(settings, folder):
    """The model with an adapter of the user's on it, which stays as it is."""
    model = AutoModelForCausalLM.from_pretrained(settings.model)
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    adapted.save_pretrained(folder)
    return replace(settings, model=f"{settings.model}+adapter={folder}", tuning="lora")


@pytest.mark.parametrize("last", [25, 26], ids=["between two passes", "within a pass and an entry of the log"])
@pytest.mark.parametrize(
    "change",
    [
        {"tuning": "qlora"},
        {"tuning": "lora"},
        {"tuning": "full"},
        {"batch_size": 3, "accumulation": 2},
        {"given": True},
    ],
    ids=["qlora", "lora", "full", "accumulation", "adapter on an adapter"],
)
def test_what_was_interrupted_ends_as_if_it_was_not(records, settings, place, always, tmp_path, change, last):
    changed = stacked(settings, tmp_path / "given") if "given" in change else replace(settings, **change)
    whole = finetune(records, changed, tmp_path / "whole", seed=3)
    interrupt(records, changed, tmp_path / "none", last, seed=3, place=place)
    assert not (tmp_path / "none").exists()
    torch.rand(7)  # whatever else is drawn meanwhile
    count = Count()
    log = finetune(records, changed, tmp_path / "resumed", seed=3, place=place, callbacks=[count])
    assert whole.steps == IN_ALL
    assert count.steps == list(range(last, IN_ALL + 1))
    assert_same(tmp_path / "resumed", log, tmp_path / "whole", whole)


def test_the_same_with_dropout_whose_lots_go_on(records, settings, place, always, tmp_path, monkeypatch):
    def load(settings, packed, original=finetuning.load_trainable_model):
        model = original(settings, packed)
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_pre_hook(lambda _, inputs: torch.nn.functional.dropout(inputs[0], 0.1))
        return model

    monkeypatch.setattr(finetuning, "load_trainable_model", load)
    settings = replace(settings, tuning="full", epochs=2)
    whole = finetune(records, settings, tmp_path / "whole")
    interrupt(records, settings, tmp_path / "none", 4, place=place)
    interrupt(records, settings, tmp_path / "none", 6, place=place)  # and once more
    log = finetune(records, settings, tmp_path / "resumed", place=place)
    assert_same(tmp_path / "resumed", log, tmp_path / "whole", whole)


def test_time_is_that_of_all_that_led_to_the_result(records, settings, place, always, tmp_path):
    class Slow(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            time.sleep(0.5)

    with pytest.raises(KeyboardInterrupt):
        finetune(records, replace(settings, epochs=1), tmp_path, place=place, callbacks=[Slow(), Interrupt(4)])
    log = finetune(records, replace(settings, epochs=1), tmp_path, place=place)
    assert 1.5 < log.seconds < 10


def test_it_goes_on_in_the_type_that_was_fastest_when_it_began(records, settings, place, always, tmp_path, monkeypatch):
    settings = replace(settings, tuning="lora", tuning_dtype="fastest", epochs=2)
    monkeypatch.setattr(finetuning, "fastest_type", lambda: "bfloat16")
    interrupt(records, settings, tmp_path, 5, place=place)
    monkeypatch.setattr(finetuning, "fastest_type", lambda: "float32")
    count = Count()
    assert finetune(records, settings, tmp_path, place=place, callbacks=[count]).dtype == "bfloat16"
    assert count.steps[0] == 5


def test_the_bar_says_that_it_is_resumed(records, settings, place, always, tmp_path, monkeypatch):
    interrupt(records, replace(settings, epochs=2), tmp_path, 6, place=place)
    file, seen = tmp_path / "bars", []
    monkeypatch.setenv(progress.PROGRESS_FILE, str(file))
    monkeypatch.setattr(progress, "FILE_SECONDS", 0.0)

    class Look(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            seen.append(file.read_text())

    finetune(records, replace(settings, epochs=2), tmp_path, place=place, description="tuning", callbacks=[Look()])
    assert [line.partition(" of 8")[0] for line in seen] == [f"tuning, resumed, step {n}" for n in (6, 7, 8)]


def test_a_short_tuning_saves_nothing_and_a_long_one_once_a_minute(records, settings, place, tmp_path, monkeypatch):
    saved, now = [], [0.0]

    def clock():
        now[0] += 10.0  # at every look: one a step, and two more while saving
        return now[0]

    def save(where, value):
        saved.append(now[0])

    monkeypatch.setattr(trainer, "save_checkpoint", save)
    monkeypatch.setattr(trainer, "SAVE_SHARE", 0.1)
    finetune(records, settings, tmp_path, place=place)
    assert not saved
    monkeypatch.setattr(trainer, "time", SimpleNamespace(perf_counter=clock))
    finetune(records, settings, tmp_path, place=place)
    assert saved[:2] == [20.0 + trainer.SAVE_SECONDS, 40.0 + trainer.SAVE_SECONDS + 20.0 / trainer.SAVE_SHARE]


def test_only_the_weights_that_are_tuned_are_saved(records, settings, place, always, tmp_path):
    interrupt(records, settings, tmp_path, 2, place=place)
    assert [path.name for path in place.folder.iterdir()] == [FILE]
    found = read_checkpoint(place)
    assert found["weights"] and all("lora_" in name for name in found["weights"])


def test_nothing_is_pickled(records, settings, place, always, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "save", lambda *_, **__: pytest.fail("torch.save"))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch.load"))
    interrupt(records, settings, tmp_path, 3, place=place)
    finetune(records, settings, tmp_path, place=place)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path):
    path.write_bytes(b"")


def zero(path):
    path.write_bytes(bytes(path.stat().st_size))


def flip(path):
    content = bytearray(path.read_bytes())
    content[-5000] ^= 1
    path.write_bytes(content)


def other_step(path):
    place = Unfinished(path.parent, "key")
    found = read_checkpoint(place)
    save_checkpoint(replace(place, key="another"), found)


def other_library(path):
    place = Unfinished(path.parent, "key")
    save_checkpoint(place, read_checkpoint(place) | {"made_with": ["cpu", "torch 1.0"]})


def folder_in_its_place(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [cut, empty, zero, flip, other_step, other_library, folder_in_its_place])
def test_what_is_broken_or_of_another_step_is_removed_and_not_used(
    records, settings, place, always, tmp_path, harm, monkeypatch, recwarn
):
    settings = replace(settings, epochs=1)
    interrupt(records, settings, tmp_path, 3, place=place)
    harm(place.folder / FILE)
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 60.0)
    count = Count()
    finetune(records, settings, tmp_path, place=place, callbacks=[count])
    assert count.steps == [1, 2, 3, 4]
    assert not place.folder.exists()
    assert not recwarn.list


def test_a_disk_that_is_full_ends_nothing(records, settings, place, always, tmp_path, monkeypatch):
    def full(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rtuning_helpers.tuning.checkpoint.save_file", full)
    assert finetune(records, replace(settings, epochs=1), tmp_path, place=place).steps == STEPS
    assert not list(place.folder.iterdir())


def test_states_of_all_kinds_come_back_as_they_were(place):
    """As paged 8-bit AdamW has them: numbers beside tensors, dictionaries in dictionaries, numbers as keys."""
    state = {0: {"step": 3, "more": {"state1": torch.arange(5, dtype=torch.uint8)}}, 7: {"step": torch.tensor(4.0)}}
    value = {"state": state, "groups": [{"lr": 1e-3, "betas": [0.9, None], "on": True, "params": [0, 7]}]}
    value["half"] = torch.tensor([[1.5, 2.5]], dtype=torch.bfloat16).T
    value["none"] = torch.empty(0)
    save_checkpoint(place, value)
    found = read_checkpoint(place)
    assert found["groups"] == value["groups"]
    assert found["state"].keys() == state.keys() and found["state"][0]["step"] == 3
    for one, other in [
        (found["state"][0]["more"]["state1"], state[0]["more"]["state1"]),
        (found["state"][7]["step"], state[7]["step"]),
        (found["half"], value["half"]),
        (found["none"], value["none"]),
    ]:
        assert one.dtype == other.dtype and torch.equal(one, other)


@pytest.mark.filterwarnings("ignore")
def test_an_optimiser_of_8_bits_goes_on(place):
    bitsandbytes = pytest.importorskip("bitsandbytes")

    def steps_of(weight, optimiser, first, last):
        for step in range(first, last):
            weight.grad = torch.full_like(weight, 0.1 * (step + 1)) * weight.detach().sign()
            optimiser.step()

    def fresh():
        torch.manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(64, 128))
        return weight, bitsandbytes.optim.PagedAdamW8bit([weight], lr=0.01)

    whole, optimiser = fresh()
    steps_of(whole, optimiser, 0, 6)
    half, optimiser = fresh()
    steps_of(half, optimiser, 0, 3)
    assert any(isinstance(value, int) for value in optimiser.state[half].values())
    save_checkpoint(place, {"weight": half, "optimizer": optimiser.state_dict()})
    resumed, optimiser = fresh()
    found = read_checkpoint(place)
    resumed.data.copy_(found["weight"])
    optimiser.load_state_dict(found["optimizer"])
    steps_of(resumed, optimiser, 3, 6)
    assert torch.equal(resumed, whole)


def interrupt_step(config, step, method="padding"):
    with pytest.raises(KeyboardInterrupt):
        steps.tuning_step(config, method, tune=partial(finetune, callbacks=[Interrupt(step)]))


def count_step(config, method="padding", force=False):
    count = Count()
    folder = steps.tuning_step(config, method, force, tune=partial(finetune, callbacks=[count]))
    assert [path.name for path in folder.parent.glob("*tuning*") if path.is_dir()] == ["tuning"]
    return count.steps


def assert_same_step(config, other, method="padding"):
    logs = [steps.read_training_log(one, method) for one in (config, other)]
    for log in logs:
        log.losses[:] = map(tuple, log.losses)
    folders = [steps.tuning_step(one, method) / steps.ADAPTER for one in (config, other)]
    assert_same(folders[0], logs[0], folders[1], logs[1])


def test_a_step_keeps_it_beside_its_folder_until_it_is_finished(config, always, tmp_path):
    interrupt_step(config, 8)
    (kept,) = (path for path in steps.step_folder(config, "padding", "tuning").parent.glob("*tun*") if path.is_dir())
    assert kept.name == ".tuning-unfinished"
    assert [path.name for path in kept.iterdir()] == [FILE]
    assert count_step(config) == list(range(8, 13))
    assert_same_step(config, replace(config, out=str(tmp_path / "whole")))
    assert count_step(config) == []  # it is finished


@pytest.mark.parametrize("change", ["learning rate", "records", "force"])
def test_a_step_of_other_parameters_or_inputs_begins_anew(config, always, monkeypatch, change):
    interrupt_step(config, 8)
    if change == "learning rate":
        monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], learning_rate=1e-3))
    elif change == "records":
        manifest = steps.data_step(config, "padding") / "manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"summary": "other"}))
    assert count_step(config, force=change == "force") == list(range(1, 13))


def test_what_a_finished_step_left_behind_is_removed(config):
    count_step(config)
    left = steps.step_folder(config, "padding", ".tuning-unfinished")
    left.mkdir()
    (left / PART).write_bytes(b"half")
    assert count_step(config) == []


KILLED = """
import sys
from dataclasses import replace
from transformers import TrainerCallback
import time
from rtuning_helpers import steps
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning import trainer
from rtuning_helpers.tuning.finetuning import finetune

trainer.SAVE_SECONDS, trainer.SAVE_SHARE = 0.0, float("inf")
profiles.PROFILES["mini"] = replace(PROFILES["mini"], epochs=3, batch_size=6, lora_rank=4)

class Wait(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        time.sleep(3600 if state.global_step == 8 else 0)

def tune(*arguments, **how):
    return finetune(*arguments, **how, callbacks=[Wait()])

steps.tuning_step(RunConfig(model=sys.argv[1], out=sys.argv[2], limit=24), "padding", tune=tune)
"""


def test_a_process_that_was_killed_is_gone_on_with_by_another(config, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, config.model, config.out])
    path = steps.step_folder(config, "padding", ".tuning-unfinished") / FILE

    def step():
        with safe_open(path, "pt") as file:
            place = Unfinished(path.parent, json.loads(file.metadata()["rest"])["key"])
        return read_checkpoint(place)["trainer"]["global_step"]

    while process.poll() is None and not (path.is_file() and step() == 7):
        time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()
    (path.parent / PART).write_bytes(b"half")  # as if it was killed while it saved
    count = Count()
    steps.tuning_step(config, "padding", tune=partial(finetune, callbacks=[count]))
    assert count.steps == list(range(8, 13))
    assert not path.parent.exists()
    assert_same_step(config, replace(config, out=str(tmp_path / "whole")))


@pytest.mark.skipif(sys.platform != "linux", reason="the processes are no copies of this one")
def test_models_that_are_tuned_side_by_side_go_on(config, always, tmp_path, monkeypatch):
    """Saved after every step, interrupted as soon as both have begun, and gone on with."""
    methods = ["vanilla", "padding"]
    for method in methods:
        steps.data_step(config, method)
    monkeypatch.setattr(steps, "free_cores", lambda: 2)
    kept = [steps.step_folder(config, method, ".tuning-unfinished") / FILE for method in methods]

    progress_of = finetuning._Progress.on_step_end
    monkeypatch.setattr(finetuning._Progress, "on_step_end", lambda *a, **k: (time.sleep(0.3), progress_of(*a, **k))[1])

    def when_both_have_begun():
        while not all(path.is_file() for path in kept):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=when_both_have_begun, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        steps.tuning_steps(config, methods)
    assert all(path.is_file() for path in kept)
    file = tmp_path / "bars"
    monkeypatch.setenv(progress.PROGRESS_FILE, str(file))
    seen = []
    monkeypatch.setattr(progress, "write_text", lambda path, text: seen.append(text))
    steps.tuning_steps(config, methods)
    for method in methods:
        assert any(f"{method}: fine-tuning, resumed, step" in text for text in seen)
        assert not any(f"{method}: fine-tuning, step" in text for text in seen)
        assert_same_step(config, replace(config, out=str(tmp_path / "whole")), method)
    assert not any(path.parent.exists() for path in kept)
