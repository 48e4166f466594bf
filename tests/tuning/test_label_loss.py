"""The loss in pieces against torch's own, and the models behind whose output layer something else comes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from rtuning_helpers.tuning import label_loss
from rtuning_helpers.tuning.label_loss import comes_last, is_plain, summed_loss

TOKENS, WIDTH, WORDS = 150, 16, 301


def made(bias=True):
    torch.manual_seed(0)
    head = nn.Linear(WIDTH, WORDS, bias=bias).requires_grad_(False)
    return head, torch.randn(TOKENS, WIDTH, requires_grad=True), torch.randint(WORDS, (TOKENS,))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("held", [1, 100 * WORDS, 2**20])  # pieces of 64 and 100 tokens, and one of all
def test_it_is_the_sum_of_the_cross_entropies_and_their_gradient(monkeypatch, bias, held):
    monkeypatch.setattr(label_loss, "HELD", held)
    head, hidden, labels = made(bias)
    ours = summed_loss(head, hidden, labels)
    (gradient,) = torch.autograd.grad(3 * ours, hidden)
    plain = nn.functional.cross_entropy(head(hidden), labels, reduction="sum")
    (expected,) = torch.autograd.grad(3 * plain, hidden)
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    assert torch.allclose(gradient, expected, atol=1e-5)


def test_it_multiplies_in_the_type_that_is_asked_for_and_sums_in_float32():
    head, hidden, labels = made()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = summed_loss(head, hidden, labels)
        plain = nn.functional.cross_entropy(head(hidden).float(), labels, reduction="sum")
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)  # the same products, rounded to bfloat16
    gradients = [torch.autograd.grad(loss, hidden)[0] for loss in (ours, plain)]
    assert torch.allclose(*gradients, atol=0.02)


def test_only_a_frozen_linear_layer_on_a_cpu_will_do():
    head, *_ = made()
    assert is_plain(head)
    assert not is_plain(nn.Linear(2, 3)) and not is_plain(None) and not is_plain(nn.Identity())
    assert not is_plain(nn.Linear(2, 3, device="meta").requires_grad_(False))


@pytest.mark.parametrize(
    ("kind", "more", "last"),
    [
        ("llama", {}, True),
        ("gemma2", {}, False),  # its logits are bounded
        ("granite", {"logits_scaling": 8.0}, False),
        ("cohere", {}, False),
        ("opt", {"word_embed_proj_dim": 32}, True),
    ],
)
def test_what_comes_behind_the_output_layer_is_seen(kind, more, last):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind, vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, head_dim=16, pad_token_id=0, **more,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).eval()
    before = torch.random.get_rng_state()
    assert comes_last(model.get_output_embeddings(), lambda: model(torch.arange(4)[None])) is last
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_changes_the_logits_in_their_place_is_seen():
    head, hidden, _ = made()

    def forward():
        logits = head(hidden[:2])
        logits[0, 0] += 1
        return SimpleNamespace(logits=logits)

    assert not comes_last(head, forward)
    assert comes_last(head, lambda: SimpleNamespace(logits=head(hidden[:2])))
