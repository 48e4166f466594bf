"""Sure and unsure in other languages: whole labels differ under every tokenizer, their first tokens often do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizer_families import MADE, REAL
from transformers import AutoTokenizer

from rtuning_helpers.data import prompts
from rtuning_helpers.data.sureness_words import SURENESS_IN, sureness_context
from rtuning_helpers.experiments.mpararel.measure import label_lengths
from rtuning_helpers.model.labels import label_probabilities, label_token_ids


@pytest.fixture(scope="module", params=[*MADE, *REAL], ids=lambda p: p.name if isinstance(p, Path) else str(p))
def tokenizer(request):
    return MADE[request.param]() if request.param in MADE else AutoTokenizer.from_pretrained(request.param)


@pytest.mark.parametrize("language", SURENESS_IN)
def test_whole_labels_are_told_apart(tokenizer, language):
    labels = SURENESS_IN[language].labels
    context = sureness_context(prompts.question_prompt("___은(는) 어디?"), "서울", language)
    try:
        sure, unsure = label_token_ids(tokenizer, context, labels)
    except Exception as error:
        assert "has no tokens for the label" in str(error)  # a vocabulary without Hangul says so
        return
    for ids, label in ((sure, labels[0]), (unsure, labels[1])):
        assert tokenizer.decode(ids).strip() == label.strip()
    assert sure != unsure[: len(sure)] and unsure != sure[: len(unsure)]


def test_the_first_tokens_of_the_korean_labels_are_the_same(tokenizer):
    """So that a score of the first token would be the same for both, under each of the five real tokenizers."""
    if len(tokenizer) < 30_000:
        pytest.skip("made here, and has no Hangul")
    assert 3 <= label_lengths(tokenizer, "ko")["differ"] <= 9
    assert label_lengths(tokenizer, "en")["differ"] == 1


def test_korean_labels_are_scored_over_all_their_tokens(tiny_lm):
    """By hand: the sum of the log-probabilities of a label's tokens, and what the first one alone would say."""
    context, labels = sureness_context(prompts.question_prompt("어디?"), "서울", "ko"), SURENESS_IN["ko"].labels
    ids = label_token_ids(tiny_lm.tokenizer, context, labels)
    base = tiny_lm.tokenizer(context)["input_ids"]
    totals = []
    for label in ids:
        with torch.no_grad():
            logits = tiny_lm.model(input_ids=torch.tensor([base + label])).logits[0].double().log_softmax(-1)
        totals.append(sum(logits[len(base) - 1 + i, token].item() for i, token in enumerate(label)))
    assert ids[0][0] == ids[1][0]  # first tokens say nothing
    expected = np.exp(totals) / np.exp(totals).sum()
    assert label_probabilities(tiny_lm, [context], labels)[0] == pytest.approx(expected, abs=1e-4)
