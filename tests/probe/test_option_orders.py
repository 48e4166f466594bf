"""Probing averaged over orders of the options: a liking for a letter is no knowledge."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import asked
import numpy as np
import pytest
import torch
from tokenizer_families import byte_level_bpe
from transformers import LlamaConfig, LlamaForCausalLM

from rtuning_helpers.data import prompts
from rtuning_helpers.data.option_orders import rotations
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe import option_orders
from rtuning_helpers.probe.option_orders import choose_over_orders
from rtuning_helpers.probe.probing import probe

N = 400
CHOICES = [replace(asked.CHOICE, id=f"c{i}", answer="ABCD"[i % 4]) for i in range(N)]


def stand_in(monkeypatch, share) -> list[int]:
    """A model in which a letter's share is ``share(letter, option, question)``; what it returns counts the prompts."""
    asked_for = []

    def label_probabilities(lm, contexts, labels, **options):
        asked_for.append(len(contexts))
        rows = []
        for text in contexts:
            shown = dict(
                line.split(". ", 1) for line in text.splitlines() if line[:1] in "ABCDEFGHIJ" and line[1:2] == "."
            )
            rows.append([share(label.strip(), shown[label.strip()]) for label in labels])
        return np.array(rows) / np.sum(rows, axis=1, keepdims=True)

    monkeypatch.setattr(option_orders, "label_probabilities", label_probabilities)
    return asked_for


def test_a_model_that_always_says_a_is_right_by_chance_only(monkeypatch):
    stand_in(monkeypatch, lambda letter, option: 0.97 if letter == "A" else 0.01)
    written = probe_with(CHOICES, 1, monkeypatch)
    assert [p.prediction for p in written] == ["A"] * N  # so that D1 is "the gold answer is A"
    assert [p.correct for p in written] == [q.answer == "A" for q in CHOICES]
    averaged = probe_with(CHOICES, 4, monkeypatch)
    right = Counter(q.answer for q, p in zip(CHOICES, averaged, strict=True) if p.correct)
    said = Counter(p.prediction for p in averaged)
    assert all(10 < right[letter] < 45 for letter in "ABCD")  # 100 questions each, a quarter of them by lot
    assert all(60 < said[letter] < 140 for letter in "ABCD")
    assert all(p.confidence == pytest.approx(0.25) and p.token_entropy == pytest.approx(np.log(4)) for p in averaged)
    assert [p.prediction for p in averaged] == [p.prediction for p in probe_with(CHOICES, 4, monkeypatch)]


def probe_with(questions, permutations, monkeypatch):
    """Probes of the stand-in; in the order as written they come by the same numbers."""
    if permutations > 1:
        return probe(None, questions, permutations=permutations)
    with monkeypatch.context() as patch:
        patch.setattr(
            "rtuning_helpers.probe.probing.answer_questions",
            lambda lm, asked, **how: choose_over_orders(lm, asked, 1) if asked else [],
        )
        return probe(None, questions)


def test_knowledge_under_a_liking_for_a_letter_comes_to_light(monkeypatch):
    known = {"3": 1.0, "4": 2.0, "5": 1.0, "6": 1.0}
    calls = stand_in(monkeypatch, lambda letter, option: known[option] * (9 if letter == "C" else 1))
    assert {a.text for a in choose_over_orders(None, CHOICES[:8], 1)} == {"C"}
    answers = choose_over_orders(None, CHOICES[:8], 4)
    assert {a.text for a in answers} == {"B"}  # 4, in the order as written
    assert answers[0].confidence > 0.25
    assert choose_over_orders(None, CHOICES[:8], 24) == answers  # more orders than options add nothing
    assert calls == [8, 32, 32]


def test_shares_are_those_of_the_turned_prompts():
    lm = random_lm()
    questions = [replace(asked.TEN, id=f"t{i}") for i in range(2)] + CHOICES[:2] + [asked.CLAIM]
    for question, answer in zip(questions, choose_over_orders(lm, questions, 3, batch_size=4), strict=True):
        mean = dict.fromkeys(question.options, 0.0)
        for turn in rotations(question)[:3]:
            shares = label_probabilities(lm, [prompts.task_prompt(turn)], prompts.option_labels(turn))[0]
            for option, share in zip(turn.options, shares, strict=True):
                mean[option] += share / 3
        best = max(mean, key=mean.__getitem__)
        assert answer.text == prompts.LETTERS[question.options.index(best)]
        assert answer.confidence == pytest.approx(mean[best], rel=1e-4)


def random_lm() -> LanguageModel:
    tokenizer = byte_level_bpe()
    tokenizer.pad_token = tokenizer.eos_token
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), initializer_range=0.3, **sizes))
    return LanguageModel(model.eval(), tokenizer, "random", "0")


def test_open_questions_are_asked_as_always(tiny_lm):
    questions = [asked.OPEN, asked.SHOWN]
    assert probe(tiny_lm, questions, permutations=4) == probe(tiny_lm, questions)
