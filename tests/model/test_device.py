"""The device: named or found; Apple's, which is faked here, has no 4 bits and no float64."""

from __future__ import annotations

from dataclasses import asdict
from functools import wraps

import pytest
import torch
from torch.utils._pytree import tree_map

from rtuning_helpers.app import doctor
from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.model import language_model
from rtuning_helpers.model.answering import draw_question_answers
from rtuning_helpers.model.device import default_device
from rtuning_helpers.model.hidden_states import hidden_states
from rtuning_helpers.model.language_model import LanguageModel, load_base_model
from rtuning_helpers.model.options import choose_options
from rtuning_helpers.probe.probing import probe
from rtuning_helpers.probe.uncertainty import perplexities
from rtuning_helpers.run.profiles import PROFILES, RunConfig, check_machine, device_notes

QUESTIONS = load_questions("mini", "id", limit=6)
TEXTS = [prompts.task_prompt(q) for q in QUESTIONS]


@pytest.fixture
def mac(monkeypatch):
    """A machine that seems to have Apple's GPU, named by the user."""
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 12 * 2**30)
    monkeypatch.setattr("torch.mps.driver_allocated_memory", lambda: 2**30)
    monkeypatch.setenv("RTUNING_DEVICE", "mps")


def test_a_gpu_of_apple_is_taken_only_when_it_is_named(monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert default_device().type == "cpu"
    monkeypatch.setenv("RTUNING_DEVICE", "mps")
    assert default_device().type == "mps"


@pytest.mark.parametrize("named", ["mps", "cuda", "tpu"])
def test_a_device_that_is_not_here(monkeypatch, named):
    for kind in ("torch.backends.mps", "torch.cuda"):
        monkeypatch.setattr(f"{kind}.is_available", lambda: False)
    monkeypatch.setenv("RTUNING_DEVICE", named)
    with pytest.raises(InputError, match=f"RTUNING_DEVICE is '{named}'; expected one of what is here: cpu"):
        check_machine(RunConfig())


def test_the_cpu_of_a_machine_with_a_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert default_device().type == "cuda"
    monkeypatch.setenv("RTUNING_DEVICE", "cpu")
    assert default_device().type == "cpu"
    with pytest.raises(InputError, match="colab-t4 needs a CUDA GPU"):
        check_machine(RunConfig(profile="colab-t4"))


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "paper"])
def test_profiles_do_without_4_bits_there(mac, profile):
    settings = RunConfig(profile=profile).settings
    assert (settings.tuning, settings.dtype, settings.four_bit) == ("lora", "float32", False)
    check_machine(RunConfig(profile=profile))
    assert bool(device_notes(RunConfig(profile=profile))) == (profile != "laptop")


def test_results_of_both_kinds_of_base_are_kept_apart(monkeypatch, mac):
    there = asdict(RunConfig().settings)
    monkeypatch.delenv("RTUNING_DEVICE")
    assert there != asdict(RunConfig().settings)
    assert device_notes(RunConfig()) == []


def test_a_line_says_what_is_given_up(mac, monkeypatch, tiny_model, capsys):
    asked = {}

    def load(location, **how):
        asked.update(how)
        raise ValueError("there is no such device in this test")

    monkeypatch.setattr(language_model.AutoModelForCausalLM, "from_pretrained", load)
    with pytest.raises(InputError, match="no such device in this test"):
        load_base_model(str(tiny_model), None, "float32", four_bit=True)
    assert "quantization_config" not in asked and asked["device_map"] == {"": torch.device("mps")}
    assert capsys.readouterr().err.startswith("Apple silicon (mps): no 4-bit weights")


def test_doctor_says_it_too(mac, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = {finding.name: finding for finding in doctor.examine()}
    assert found["GPU"].detail.startswith("Apple silicon (mps), 12.0 GiB")
    assert found["4-bit"].ok is None and "no 4-bit weights" in found["4-bit"].detail
    assert found["profile mini"].ok and found["profile colab-t4"].ok
    monkeypatch.delenv("RTUNING_DEVICE")
    assert "RTUNING_DEVICE=mps" in doctor._gpu().detail


class OfApple(torch.Tensor):
    """A tensor that, like one on Apple's GPU, never becomes float64 before it is taken to the CPU."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        there = function in (torch.Tensor.cpu, torch.Tensor.tolist, torch.Tensor.item, torch.Tensor.__bool__)
        with torch._C.DisableTorchFunctionSubclass():
            found = function(*args, **(kwargs or {}))

        def checked(value):
            if not isinstance(value, torch.Tensor):
                return value
            if there:
                return value.as_subclass(torch.Tensor)
            if value.dtype == torch.float64:
                raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support it")
            return value.as_subclass(cls)

        return tree_map(checked, found)


@pytest.fixture
def lm_of_apple(tiny_lm, monkeypatch):
    lm = LanguageModel(tiny_lm.model, tiny_lm.tokenizer, tiny_lm.name, tiny_lm.revision)
    lm.cache_kind  # noqa: B018 - looked at before its answers change
    original = lm.model.forward

    @wraps(original)
    def forward(*args, **given):
        out = original(*args, **given)
        out.logits = out.logits.as_subclass(OfApple)
        if out.hidden_states is not None:
            out.hidden_states = tuple(states.as_subclass(OfApple) for states in out.hidden_states)
        return out

    monkeypatch.setattr(lm.model, "forward", forward)
    return lm


@pytest.mark.parametrize(
    "ask",
    [
        lambda lm: probe(lm, QUESTIONS),
        lambda lm: choose_options(lm, TEXTS, (" A", " B"), sureness=prompts.SURENESS_LABELS),
        lambda lm: draw_question_answers(lm, QUESTIONS, k=3),
        lambda lm: perplexities(lm, TEXTS),
        lambda lm: hidden_states(lm, QUESTIONS, 1).tolist(),
    ],
    ids=["answers", "letters and P(sure)", "draws", "perplexity", "hidden states"],
)
def test_no_float64_on_the_device(tiny_lm, lm_of_apple, ask, monkeypatch):
    found = ask(lm_of_apple)
    monkeypatch.undo()
    assert found == ask(tiny_lm)


def test_the_fake_refuses_float64():
    logits = torch.ones(2).as_subclass(OfApple)
    assert logits.cpu().double().dtype == torch.float64
    with pytest.raises(TypeError, match="float64"):
        (logits + 1).double()
