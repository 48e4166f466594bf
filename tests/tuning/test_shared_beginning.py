"""A beginning that all examples share is read once in a batch, and the model that comes out is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rtuning_helpers.run.profiles import PROFILES
from rtuning_helpers.tuning import finetuning, shared_beginning
from rtuning_helpers.tuning.batches import left_padded
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.shared_beginning import is_read_alike, shared_tokens

SHOTS = " ".join(f"Question: Who wrote book {i}? Answer: Person {i}." for i in range(4))


@pytest.fixture
def records():
    return [
        TuningRecord(f"r{i}", f"{SHOTS} Question: Where was {'x ' * (i % 5)}born?{i} Answer:", f" Place {i}.", None)
        for i in range(12)
    ]


def test_the_model_that_comes_out_is_the_same(tiny_model, records, tmp_path, monkeypatch):
    settings = replace(
        PROFILES["mini"], model=str(tiny_model), tuning="lora", epochs=2, batch_size=4, learning_rate=1e-3, lora_rank=4
    )
    read: list[int] = []

    def batch(rows, pad, shared=0, original=finetuning.left_padded):
        made = original(rows, pad, shared)
        read.append(made["input_ids"].numel() + shared)
        return made

    monkeypatch.setattr(finetuning, "left_padded", batch)
    logs, tokens = {}, {}
    for name in ("once", "whole"):
        read.clear()
        logs[name] = finetuning.finetune(records, settings, tmp_path / name, seed=1)
        tokens[name] = sum(read[-6:])  # of two epochs of three steps, behind what was tried before
        monkeypatch.setattr(shared_beginning, "WORTH_IT", 10_000)
    assert tokens["once"] < 0.5 * tokens["whole"]
    assert np.allclose(logs["once"].losses, logs["whole"].losses, rtol=1e-3)
    once, whole = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("once", "whole"))
    assert all(torch.dist(once[name], whole[name]) <= 0.01 * whole[name].norm() for name in whole)


def test_what_is_shared_stands_before_everything_that_is_predicted():
    def row(ids, predicted):
        return {"input_ids": ids, "labels": [-100] * (len(ids) - predicted) + ids[len(ids) - predicted :]}

    alike = list(range(30))
    assert shared_tokens([row([*alike, 50, 51], 1), row([*alike, 60, 61, 62], 2)]) == 30
    assert shared_tokens([row([*alike, 50, 51], 2), row([*alike, 60, 61, 62], 2)]) == 29  # token 29 predicts 50
    assert shared_tokens([row(alike, 4), row(alike, 4)]) == 25
    assert shared_tokens([row([*alike[:10], 50, 51], 1), row([*alike, 60], 1)]) == 0  # too few to be worth it
    assert shared_tokens([row(alike, 30), row(alike, 30)]) == 0  # loss on everything


def test_a_batch_holds_the_beginning_once():
    rows = [{"input_ids": [5, 6, 7, 8, 9], "labels": [-100, -100, -100, 8, 9]}]
    rows.append({"input_ids": [5, 6, 4, 3], "labels": [-100, -100, -100, 3]})
    batch = left_padded(rows, 1, 2)
    assert batch["beginning"].tolist() == [[5, 6]]
    assert batch["input_ids"].tolist() == [[7, 8, 9], [1, 4, 3]]
    assert batch["labels"].tolist() == [[-100, 8, 9], [-100, -100, 3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 0, 1, 1]]
    assert batch["position_ids"].tolist() == [[2, 3, 4], [2, 2, 3]]
    assert batch["logits_to_keep"] == 3


def test_other_gradients_are_noticed():
    model = torch.nn.Linear(3, 1)

    def loss_of(once, off=0.0):
        return model(torch.ones(3)).sum() * (1 + once * off)

    assert is_read_alike(model, loss_of)
    assert not is_read_alike(model, lambda once: loss_of(once, off=0.01))
    assert not is_read_alike(model, lambda once: loss_of(once).detach())
