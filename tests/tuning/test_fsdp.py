"""Weights parted over two processes (FSDP) are tuned, saved and gone on with as those of one process.

accelerate does this on GPUs only; here it is made to believe that the CPU is one.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from unittest import mock

import pytest
import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from safetensors.torch import load_file
from several import in_several
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from rtuning_helpers import ranks
from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import PROFILES
from rtuning_helpers.tuning import trainer
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.refusal_data import TuningRecord

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the processes are no copies of this one")
# What accelerate makes of workflow/accelerate/fsdp-*.yaml.
FSDP = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_RESHARD_AFTER_FORWARD": "true", "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false", "ACCELERATE_TORCH_DEVICE": "cpu",
}  # fmt: skip


@pytest.fixture
def parted(monkeypatch):
    """Processes that meet from now on part the weights, as on GPUs."""

    def join(original=ranks.join):
        os.environ |= FSDP
        PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_GPU)
        with mock.patch.object(torch.cuda, "device_count", lambda: 2):
            original()

    monkeypatch.setattr(ranks, "join", join)
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(trainer, "SAVE_SHARE", float("inf"))


class Look(TrainerCallback):
    """Counts the steps and the weights that are parted, and interrupts a step."""

    def __init__(self, interrupted: int = 0) -> None:
        self.interrupted, self.steps, self.parted = interrupted, 0, []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        self.steps += 1
        self.parted = [isinstance(weight.data, DTensor) for weight in model.parameters()]
        if state.global_step == self.interrupted:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("tuning", "packed"), [("full", None), ("qlora", True)])
def test_parted_weights_give_the_result_of_whole_ones(tiny_model, tmp_path, parted, tuning, packed):
    records = [
        TuningRecord(q.id, prompts.question_prompt(q.question), prompts.padding_completion(q.answer, True), True)
        for q in load_questions("mini", "train", limit=9)
    ]
    kind = {"tuning": tuning, "epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "lora_rank": 4}
    settings = replace(PROFILES["mini"], model=str(tiny_model), **kind)
    whole = finetune(records, settings, tmp_path / "whole", packed=packed)
    place = Unfinished(tmp_path / "place", "key")

    def tune():
        with pytest.raises(KeyboardInterrupt):
            finetune(records, settings, tmp_path / "none", packed=packed, callbacks=[Look(4)], place=place)
        look, out = Look(), tmp_path / f"parted{ranks.number()}"
        log = finetune(records, settings, out, packed=packed, callbacks=[look], place=place)
        return look.steps, all(look.parted), log

    told = in_several(tune)
    assert [(steps, parted) for steps, parted, _ in told] == [(3, True)] * 2  # step 4, which was not saved, and 5, 6
    assert not (tmp_path / "parted1").exists()
    log = told[0][2]
    assert [loss for _, loss in log.losses] == pytest.approx([loss for _, loss in whole.losses], rel=1e-4)
    for name in ("steps", "trainable_parameters", "all_parameters", "dtype", "weights"):
        assert getattr(log, name) == getattr(whole, name), name
    (weights,), (others,) = (
        [load_file(path) for path in (tmp_path / folder).glob("*.safetensors")] for folder in ("whole", "parted0")
    )
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        assert torch.allclose(others[name], weight, atol=2e-4) and others[name].dtype == weight.dtype, name
