"""Entropy by hand, and perplexity against the model's own loss."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from tokenizer_families import byte_level_bpe
from transformers import LlamaConfig, LlamaForCausalLM

from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.model.forward import NonFiniteLogitsError
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.uncertainty import answer_entropy, perplexities


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["a"] * 10, 0.0),
        (["a", "b"] * 5, math.log(2)),
        (list("abcdefghij"), math.log(10)),
        (["a", "a", "a", "b"], 0.75 * math.log(4 / 3) + 0.25 * math.log(4)),
        (["", "", "x", "y"], 0.5 * math.log(2) + 0.5 * math.log(4)),  # no answer is an answer
        (["Paris", "paris"], math.log(2)),  # as in the released code, without normalisation
    ],
)
def test_entropy_by_hand(answers, expected):
    assert answer_entropy(answers) == pytest.approx(expected, abs=1e-12)
    assert answer_entropy(answers[::-1]) == pytest.approx(expected, abs=1e-12)


def test_entropy_is_never_negative_or_minus_zero():
    assert math.copysign(1, answer_entropy(["a"] * 3)) == 1


def test_normalised_entropy_counts_case_and_punctuation_as_one():
    answers = ["Paris", "paris", " Paris!", "Rome"]
    assert answer_entropy(answers, normalise=True) == pytest.approx(answer_entropy(["p", "p", "p", "r"]))


@pytest.mark.parametrize("answers", [[], ["a"]])
def test_fewer_than_two_answers_have_no_entropy(answers):
    with pytest.raises(ValueError, match=f"answers has {len(answers)} entries; .* at least k = 2"):
        answer_entropy(answers)


@pytest.fixture(scope="module")
def texts():
    return [*(q.question for q in load_questions("mini", "id", limit=12)), "Ana", "Łódź in 1984, a long and odd text?"]


@torch.inference_mode()
def test_perplexity_is_as_exact_with_many_words():
    """As many as real models have; the sum over them must not lose digits."""
    tokenizer = byte_level_bpe()
    tokenizer.pad_token = tokenizer.eos_token
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1}
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=200_000, initializer_range=0.5, tie_word_embeddings=True, **sizes)
    lm = LanguageModel(LlamaForCausalLM(config).eval(), tokenizer, "wide", "0")
    texts = ["Who wrote it, and when?", "Who?"]
    for text, found in zip(texts, perplexities(lm, texts), strict=True):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        exact = torch.log_softmax(lm.model(ids).logits[0, :-1].double(), dim=-1)
        assert found == pytest.approx(math.exp(-exact.gather(1, ids[0, 1:, None]).mean()), rel=2e-5)


@torch.inference_mode()
def test_perplexity_is_exp_of_the_models_own_loss(tiny_lm, texts):
    found = perplexities(tiny_lm, texts, batch_size=5)
    for text, perplexity in zip(texts, found, strict=True):
        ids = torch.tensor([tiny_lm.tokenizer(text)["input_ids"]])
        assert perplexity == pytest.approx(math.exp(tiny_lm.model(ids, labels=ids).loss), rel=1e-4)


def test_perplexity_does_not_depend_on_the_batches(tiny_lm, texts):
    alone = perplexities(tiny_lm, texts, batch_size=1)
    assert perplexities(tiny_lm, texts, batch_size=99) == pytest.approx(alone, rel=1e-4)
    assert perplexities(tiny_lm, texts[::-1], batch_size=4)[::-1] == pytest.approx(alone, rel=1e-4)
    assert len(set(alone)) == len(alone)
    assert perplexities(tiny_lm, []) == []


def test_nan_weights_stop_the_measurement_with_the_text(tiny_lm, texts):
    model = copy.deepcopy(tiny_lm.model)
    with torch.no_grad():
        model.model.norm.weight[0] = math.nan
    with pytest.raises(NonFiniteLogitsError, match="perplexity of '.*' is not finite"):
        perplexities(LanguageModel(model, tiny_lm.tokenizer, "broken", "0"), texts)
