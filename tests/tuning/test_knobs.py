"""How a batch is cut for the memory that is there, and cut again where that runs out: what is learnt stays the same."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback

from rtuning_helpers.app import doctor
from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.model import device
from rtuning_helpers.model.tuning_memory import GIB, SHAPES, activations_gib, shape_of, training_gib, weights_gib
from rtuning_helpers.run import gpu_choices
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import PROFILES, RunConfig, check_machine
from rtuning_helpers.tuning import finetuning, trainer
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.knobs import Knobs, choose_knobs, room_after_loading, room_before_loading
from rtuning_helpers.tuning.refusal_data import TuningRecord

SEVEN, THREE = SHAPES["huggyllama/llama-7b"], SHAPES["openlm-research/open_llama_3b"]
GPU = PROFILES["consumer-24gb"]


def knobs(shape, gib, longest, settings=GPU):
    return choose_knobs(settings, shape, longest, 32, room_before_loading(settings, shape, gib), "sdpa")


def test_the_published_sizes():
    assert SEVEN.total == pytest.approx(6.74e9, rel=1e-3) and THREE.total == pytest.approx(3.43e9, rel=2e-3)
    assert SHAPES["Qwen/Qwen2.5-1.5B"].total == pytest.approx(1.54e9, rel=3e-3)
    assert SEVEN.lora(16) == pytest.approx(40e6, rel=1e-2)  # Dettmers et al. 2023, all linear layers


def test_less_memory_cuts_the_batch_and_then_computes_again():
    assert knobs(SEVEN, 24, 64) == Knobs(16, 1, False, "sdpa")
    assert knobs(SEVEN, 8, 64).checkpointing
    assert knobs(THREE, 80, 1280) == Knobs(8, 2, False, "sdpa")
    assert knobs(THREE, 24, 1280) == Knobs(2, 8, False, "sdpa")
    assert knobs(THREE, 8, 1280) == Knobs(4, 4, True, "sdpa")
    assert knobs(THREE, 6, 1280) == Knobs(2, 8, True, "sdpa")
    assert knobs(SEVEN, 2, 64) == Knobs(1, 16, True, "sdpa")  # what is left to try
    assert choose_knobs(replace(GPU, batch_size=4, accumulation=4), THREE, 64, 32, None, "eager") == Knobs(
        4, 4, False, "eager"
    )


def test_the_targets_hold_by_the_estimate():
    """7 billion weights below 8 GB, 3 billion below 5 GB, at the lengths of ParaRel; no GPU has said so yet."""
    for shape, most in ((SEVEN, 8e9), (THREE, 5e9)):
        how = {"dtype": "bfloat16", "tuning": "qlora", "packed": True}
        trained = shape.lora(16)
        held = weights_gib(total=shape.total, rounded=shape.linear, fused=0, trained=trained, **how)
        held += training_gib(trained, **how)
        passes = activations_gib(shape, 16, 64, 32, "bfloat16", checkpointing=True, attention="sdpa", packed=True)
        assert (held + passes) * GIB < most


@pytest.mark.parametrize(
    ("before", "after"),
    [((16, 1), (8, 2)), ((6, 2), (3, 4)), ((3, 4), (1, 12)), ((5, 1), (1, 5)), ((1, 5), (1, 5, True))],
)
def test_a_step_keeps_its_examples(before, after):
    found = Knobs(*before, False, "sdpa").smaller()
    assert (found.batch_size, found.accumulation, found.checkpointing) == (*after, False)[:3]
    assert Knobs(1, 5, True, "sdpa").smaller() is None


def test_the_estimate_counts_what_torch_keeps(tmp_path):
    sizes = {"hidden_size": 128, "intermediate_size": 344, "num_hidden_layers": 4, "num_attention_heads": 4}
    LlamaForCausalLM(LlamaConfig(vocab_size=200, **sizes)).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").touch()  # nobody reads it here
    settings = replace(PROFILES["mini"], model=str(tmp_path), dtype="bfloat16", lora_rank=8)
    model = finetuning.load_trainable_model(settings, packed=True).train()
    own, kept = {weight.untyped_storage().data_ptr() for weight in model.parameters()}, {}

    def look(tensor):
        place = tensor.untyped_storage()
        if place.data_ptr() not in own:
            kept[place.data_ptr()] = place.nbytes()
        return tensor

    rows, length = 4, 32
    ids = torch.arange(rows * length).view(rows, length) % 100 + 5
    for checkpointing in (False, True):
        kept.clear()
        if checkpointing:
            model.gradient_checkpointing_enable()
        with torch.autograd.graph.saved_tensors_hooks(look, lambda t: t), torch.autocast("cpu", torch.bfloat16):
            model(input_ids=ids, attention_mask=torch.ones_like(ids), logits_to_keep=1, use_cache=False)

        def estimate(layers, checkpointing):
            how = {"checkpointing": checkpointing, "attention": "sdpa", "packed": False}
            shape = replace(shape_of(model.config), layers=layers)
            return activations_gib(shape, rows, length, 1, "bfloat16", **how) * GIB

        layer = estimate(2, False) - estimate(1, False)
        backward = 2 * layer if checkpointing else layer  # a layer that is computed again, and gradients
        assert sum(kept.values()) + backward == pytest.approx(estimate(4, checkpointing), rel=0.1)


@pytest.fixture(scope="module")
def records():
    questions = load_questions("mini", "train", limit=16)
    return [
        TuningRecord(q.id, prompts.question_prompt(q.question), prompts.padding_completion(q.answer, sure), sure)
        for q, sure in zip(questions, [True, False] * 8, strict=True)
    ]


@pytest.fixture(scope="module")
def settings(tiny_model):
    kind = {"epochs": 2, "batch_size": 6, "learning_rate": 1e-3, "lora_rank": 4, "tuning": "lora"}
    return replace(PROFILES["mini"], model=str(tiny_model), **kind)


@pytest.fixture(scope="module")
def whole(records, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, finetune(records, settings, folder, seed=3)


class Watch(TrainerCallback):
    def __init__(self):
        self.steps = []

    def on_step_end(self, args, state, control, **kwargs):
        self.steps.append(state.global_step)


@pytest.fixture
def memory(monkeypatch):
    """Memory for some examples in a pass only, once so many passes are done; keeps the sizes of all that were tried."""

    class Memory:
        most, wait = 99, 0
        tried: list[int] = []

    found = Memory()
    found.tried = []

    def limited(self, model, inputs, *args, original=trainer.LabelTrainer.compute_loss, **more):
        found.tried.append(len(inputs["input_ids"]))
        if len(inputs["input_ids"]) > found.most and len(found.tried) > found.wait:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.25 GiB.")
        return original(self, model, inputs, *args, **more)

    monkeypatch.setattr(trainer.LabelTrainer, "compute_loss", limited)
    return found


def assert_same(folder, log, whole):
    wanted, wanted_log = whole
    assert (log.steps, log.examples) == (wanted_log.steps, wanted_log.examples)
    assert [loss for _, loss in log.losses] == pytest.approx([loss for _, loss in wanted_log.losses], rel=1e-4)
    found, other = (load_file(path / "adapter_model.safetensors") for path in (folder, wanted))
    assert all(torch.allclose(found[name], weight, atol=2e-5) for name, weight in other.items())


def test_tuning_backs_off_to_what_fits(records, settings, whole, memory, tmp_path, capsys):
    memory.most = 3
    watch = Watch()
    log = finetune(records, settings, tmp_path, seed=3, callbacks=[watch])
    assert memory.tried[0] == 6 and set(memory.tried[1:]) == {3, 1}
    assert watch.steps == list(range(1, 7))
    assert log.knobs.startswith("3 x 2 examples a step, no gradient checkpointing")
    assert_same(tmp_path, log, whole)
    told = "fine-tuning: memory ran out with 6 x 1 examples a step, no gradient checkpointing, attention "
    assert told in (said := capsys.readouterr().err) and f"; going on with {log.knobs[:22]}" in said


def test_it_goes_on_from_what_was_saved_last(records, settings, whole, memory, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(trainer, "SAVE_SHARE", float("inf"))
    memory.most, memory.wait = 3, 4  # six examples a pass until the fifth step
    place, watch = Unfinished(tmp_path / "place", "key"), Watch()

    def write(model, out, *args, original=finetuning.PeftModel.save_pretrained, **how):
        assert memory.tried[-1] <= 3 and not out.exists()
        return original(model, out, *args, **how)

    monkeypatch.setattr(finetuning.PeftModel, "save_pretrained", write)
    log = finetune(records, settings, tmp_path / "out", seed=3, place=place, callbacks=[watch])
    assert watch.steps == [1, 2, 3, 4, 5, 6] and memory.tried[:5] == [6, 6, 4, 6, 6]
    assert_same(tmp_path / "out", log, whole)


def test_when_it_gives_up(records, settings, memory, tmp_path):
    memory.most, settings = 0, replace(settings, batch_size=1, accumulation=6)
    with pytest.raises(InputError, match="memory ran out while tuning with 1 example at a time; expected a smaller"):
        finetune(records, settings, tmp_path / "out", seed=3)
    assert memory.tried == [1, 1] and not (tmp_path / "out").exists()


@pytest.mark.parametrize("change", [{}, {"tuning": "qlora"}])
def test_checkpointing_and_the_knobs_that_a_gpu_would_choose(
    records, settings, whole, memory, tmp_path, monkeypatch, capsys, change
):
    """With memory as of a GPU that holds two examples in a pass, if layers are computed again."""
    shape, tried = shape_of(finetuning.load_trainable_model(settings).config), []

    def choose(chosen, given, longest, predicted, room, attention):
        how = {"checkpointing": True, "attention": attention, "packed": chosen.four_bit}
        rooms = [activations_gib(given, rows, longest, predicted, chosen.dtype, **how) for rows in (2, 3)]
        tried.append((given, longest, predicted))
        return choose_knobs(chosen, given, longest, predicted, sum(rooms) / 2, attention)

    monkeypatch.setattr(finetuning, "choose_knobs", choose)
    monkeypatch.setattr(finetuning, "room_after_loading", lambda *_: 1.0)
    log = finetune(records, replace(settings, **change), tmp_path, seed=3)
    assert tried[0][0] == shape and max(memory.tried) <= 2
    assert f"{max(memory.tried)} x {6 // max(memory.tried)} examples a step, gradient checkpointing" in log.knobs
    assert f"fine-tuning: {log.knobs.rpartition(',')[0]}" in capsys.readouterr().err
    if not change:
        assert_same(tmp_path, log, whole)


class FakeGPU:
    """A CUDA GPU of so much memory, for whoever only asks about it."""

    def __init__(self, monkeypatch, total, free=None, bfloat16=True):
        monkeypatch.delenv("RTUNING_DEVICE", raising=False)
        monkeypatch.setattr("torch.cuda.is_available", lambda: True)
        monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: bfloat16)
        bytes_of = (int((total if free is None else free) * GIB), int(total * GIB))
        monkeypatch.setattr("torch.cuda.mem_get_info", lambda *_: bytes_of)
        for name in ("memory_reserved", "memory_allocated"):
            monkeypatch.setattr(f"torch.cuda.{name}", lambda *_: 0)


@pytest.mark.parametrize(
    ("gib", "tuning", "length"), [(80, "lora", 1280), (24, "lora", 1280), (8, "qlora", 1280), (4, "qlora", 640)]
)
def test_the_profile_gpu_takes_what_there_is(monkeypatch, gib, tuning, length):
    FakeGPU(monkeypatch, gib)
    settings = RunConfig(profile="gpu").settings
    assert (settings.tuning, settings.max_length, settings.dtype) == (tuning, length, "bfloat16")
    check_machine(RunConfig(profile="gpu"))
    FakeGPU(monkeypatch, gib, free=0.1)  # what others take at the moment changes no result
    assert RunConfig(profile="gpu").settings == settings
    FakeGPU(monkeypatch, gib, bfloat16=False)
    assert RunConfig(profile="gpu").settings.dtype == "float16"


def test_the_profile_gpu_with_another_model_and_elsewhere(monkeypatch, tiny_model):
    FakeGPU(monkeypatch, 8)
    assert RunConfig(profile="gpu", model=str(tiny_model)).settings.tuning == "lora"
    assert RunConfig(profile="gpu", model="huggyllama/llama-7b").settings.tuning == "qlora"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert RunConfig(profile="gpu").settings.four_bit  # as results made on a small GPU are read
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 12 * GIB)
    monkeypatch.setattr("torch.mps.driver_allocated_memory", lambda: 0)
    monkeypatch.setenv("RTUNING_DEVICE", "mps")
    there = RunConfig(profile="gpu", model="Qwen/Qwen2.5-1.5B").settings
    assert (there.tuning, there.dtype) == ("lora", "float32")


def test_what_is_free_is_what_counts_while_tuning(monkeypatch):
    FakeGPU(monkeypatch, 24, free=10)
    assert room_after_loading(GPU, 10**9, torch.device("cuda")) == pytest.approx(9 - 6e9 / GIB)
    assert room_after_loading(GPU, 10**9, torch.device("cpu")) is None
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda *_: 3 * GIB)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda *_: 1 * GIB)
    assert device.free_memory_gib(torch.device("cuda")) == 12


def test_doctor_shows_the_knobs(monkeypatch):
    FakeGPU(monkeypatch, 24)
    monkeypatch.setattr(doctor, "_four_bit", lambda: doctor.Finding("4-bit", True, "NF4"))
    monkeypatch.setattr(doctor, "_gpu", lambda: doctor.Finding("GPU", None, "a GPU"))
    found = {finding.name: finding for finding in doctor.examine()}
    said = found["profile consumer-24gb"]
    assert said.ok and "4 bits; up to 64 tokens 16 x 1 examples a step, no gradient checkpointing" in said.detail
    assert "up to 1,280 tokens" in said.detail
    assert "LoRA beside bfloat16; up to 64 tokens" in found["profile gpu"].detail
    assert not found["profile paper"].ok and "needs 78 GiB" in found["profile paper"].detail


def test_random_memory_never_gives_other_steps():
    lots = random.Random(0)
    for _ in range(200):
        batch, passes = lots.randint(1, 33), lots.randint(1, 5)
        chosen = choose_knobs(
            replace(GPU, batch_size=batch, accumulation=passes), THREE, lots.randint(8, 2000), 32,
            lots.uniform(-1, 40), "sdpa",
        )  # fmt: skip
        assert chosen.batch_size * chosen.accumulation == batch * passes


def test_the_choices_are_made_once(monkeypatch):
    FakeGPU(monkeypatch, 8)
    gpu_choices.model_shape.cache_clear()
    asked = []
    monkeypatch.setattr("rtuning_helpers.model.language_model.model_config", lambda *a: asked.append(a) or 1 / 0)
    for _ in range(3):
        assert RunConfig(profile="gpu").settings.four_bit
    assert asked == []
