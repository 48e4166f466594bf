"""Estimators by hand on made-up evidence, and on the tiny model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TINY_LIMIT

from rtuning_helpers.confidence import evidence as asking
from rtuning_helpers.confidence.columns import ESTIMATORS, MODULES
from rtuning_helpers.confidence.evidence import Evidence, Need, gather
from rtuning_helpers.confidence.meaning import meaning_clusters
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.metrics import auroc
from rtuning_helpers.model.decoding import Answer
from rtuning_helpers.model.hidden_states import hidden_states
from rtuning_helpers.model.labels import label_probabilities

ASKED = [Question("q1", "mini", "id", "Who?", "Ann", "x"), Question("q2", "mini", "id", "Where?", "Ulm", "x")]


def said(text, *probabilities, entropies=None, sure=None):
    return Answer(text, probabilities, entropies or (0.0,) * len(probabilities), sure)


EVIDENCE = Evidence(
    None,  # no model: what is told from the answers alone
    ASKED,
    [said("Ann", 0.5, 0.8, entropies=(1.0, 0.5), sure=0.9), said("Bonn", 0.25, entropies=(2.0,), sure=0.2)],
    [
        [said("Ann", 0.5), said("ann.", 0.1), said("Ann", 0.5), said("Eve", 0.2)],
        [said("Ulm", 0.1), said("Bonn", 0.2), said("Kiel", 0.3), said("Rome", 0.4)],
    ],
)


def judge(name, evidence=EVIDENCE, **changes):
    return ESTIMATORS[name].confidence(replace(evidence, **changes))


# raw: Ann 2, "ann." 1, Eve 1 of 4; in words: Ann 3, Eve 1
RAW = -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
WORDS = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
# the cluster of Ann weighs 0.5 + 0.1 (each different answer once, though "Ann" was drawn twice), Eve's 0.2
MEANINGS = [np.array([0.6, 0.2]) / 0.8, np.array([0.1, 0.2, 0.3, 0.4])]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sequence probability", [0.5 * 0.8, 0.25]),
        ("answer probability", [math.sqrt(0.4), 0.25]),
        ("token entropy", [math.exp(-0.75), math.exp(-2)]),
        ("P(sure)", [0.9, 0.2]),
        ("sample entropy", [1 - RAW / math.log(4), 0]),
        ("sample entropy, normalised", [1 - WORDS / math.log(4), 0]),
        ("self-consistency", [0.75, 0.25]),
        ("modal frequency", [0.5, 0.25]),
        ("semantic entropy", [1 + (p * np.log(p)).sum() / math.log(4) for p in MEANINGS]),
        ("semantic entropy, discrete", [1 - WORDS / math.log(4), 0]),
    ],
)
def test_by_hand(name, expected):
    assert EVIDENCE.correct.tolist() == [True, False]
    assert judge(name) == pytest.approx(expected, abs=1e-12)


def test_every_estimator_declares_itself():
    assert all(name == estimator.name and estimator.source for name, estimator in ESTIMATORS.items())
    assert len({estimator.order for estimator in ESTIMATORS.values()}) == len(ESTIMATORS) == len(MODULES)
    assert set().union(*(estimator.needs for estimator in ESTIMATORS.values())) == set(get_args(Need))


@pytest.mark.parametrize("k", range(2, 21))
def test_samples_that_all_differ_are_worth_nothing_and_never_less(k):
    """1 - ln k / ln k comes out as -2e-16 for some k, which no metric would take."""
    samples = [[said(f"answer {i}", 0.1) for i in range(k)]]
    for name in ("sample entropy", "semantic entropy"):
        (found,) = judge(name, questions=ASKED[:1], answers=EVIDENCE.answers[:1], samples=samples)
        assert 0 <= found < 1e-12


@given(st.lists(st.sampled_from(["Ann", "ann!", "?", "!", "1,000", "1000", "東京", "東 京", "F#", "F"]), min_size=2))
def test_entropy_agreement_and_clusters_compare_the_same_words(texts):
    drawn = {"questions": ASKED[:1], "answers": [said(texts[0], 0.5)], "samples": [[said(t, 0.5) for t in texts]]}
    normalised, clusters = judge("sample entropy, normalised", **drawn), judge("semantic entropy, discrete", **drawn)
    assert normalised == pytest.approx(clusters, abs=1e-12)
    numbers = meaning_clusters("Who?", texts)
    assert judge("self-consistency", **drawn)[0] == pytest.approx(numbers.count(numbers[0]) / len(texts))


def test_another_sense_of_same_meaning():
    assert judge("semantic entropy", same_meaning=lambda *_: True) == pytest.approx([1, 1])


def test_clusters_ask_about_the_first_answer_of_each():
    seen = []

    def same(question, one, other):
        seen.append((question, one, other))
        return one[0] == other[0]

    assert meaning_clusters("Who?", ["ann", "bob", "anna", "ann", "bea", "cid"], same) == [0, 1, 0, 0, 1, 2]
    assert seen[0] == ("Who?", "ann", "bob")
    assert ("Who?", "ann", "ann") not in seen
    assert meaning_clusters("Who?", ["Ann", "ann!", "?", "!"]) == [0, 0, 1, 2]


def test_what_was_not_gathered_is_named():
    bare = Evidence(None, ASKED, [said("Ann", 0.5)] * 2)
    for name in ("sample entropy", "self-consistency", "semantic entropy"):
        with pytest.raises(ValueError, match="no samples; gather it with k of at least 2"):
            judge(name, bare)
    with pytest.raises(ValueError, match="no sure confidences; gather it with sureness="):
        judge("P(sure)", bare)
    with pytest.raises(ValueError, match="samples of q1 hold 1 answer; k has to be at least 2"):
        replace(EVIDENCE, samples=[[said("Ann", 0.5)]] * 2)


# --- on a model ---


@pytest.fixture(scope="module")
def asked():
    return load_questions("mini", "id", limit=TINY_LIMIT)


@pytest.fixture(scope="module")
def evidence(tiny_lm, asked):
    return gather(tiny_lm, asked, k=4, sureness=prompts.SURENESS_LABELS)


def test_gathering(tiny_lm, asked, evidence):
    assert len(evidence.answers) == len(evidence.samples) == len(asked)
    assert {len(row) for row in evidence.samples} == {4}
    assert 0 < evidence.correct.sum() < len(asked)
    assert gather(tiny_lm, asked[:2], k=None).samples is None
    with pytest.raises(ValueError, match="k is 1; estimators over samples need at least 2"):
        gather(tiny_lm, asked[:2], k=1)
    same = gather(tiny_lm, asked, k=4, sureness=prompts.SURENESS_LABELS)
    assert [[a.text for a in row] for row in same.samples] == [[a.text for a in row] for row in evidence.samples]


def test_token_entropies_belong_to_the_answer_tokens(evidence):
    for answer in evidence.answers:
        assert len(answer.token_entropies) == len(answer.token_probabilities)
        assert min(answer.token_entropies) >= 0
        # -ln of the greedy token's probability never exceeds the entropy plus ... the other way: p_max >= exp(-H)
        for p, h in zip(answer.token_probabilities, answer.token_entropies, strict=True):
            assert p >= math.exp(-h) - 1e-4


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_column_is_a_confidence(tiny_lm, asked, evidence, name):
    training = load_questions("mini", "train", limit=TINY_LIMIT)
    column = judge(name, evidence, training=training, training_correct=gather(tiny_lm, training, k=None).correct)
    assert column.shape == (len(asked),)
    assert ((column >= 0) & (column <= 1 + 1e-9) | np.isnan(column)).all()
    assert "replies" in ESTIMATORS[name].needs or not np.isnan(column).any()


def test_the_answer_probability_ranks(evidence):
    assert auroc(evidence.correct, judge("answer probability", evidence)) > 0.7


def test_p_true_is_averaged_over_both_orders(tiny_lm, evidence):
    first = replace(evidence, questions=evidence.questions[:1], answers=evidence.answers[:1], samples=None)
    prompt, answer = prompts.question_prompt(first.questions[0].question), first.answers[0].text
    straight = label_probabilities(tiny_lm, [prompts.p_true_prompt(prompt, answer, "True", "False")], [" A", " B"])
    turned = label_probabilities(tiny_lm, [prompts.p_true_prompt(prompt, answer, "False", "True")], [" A", " B"])
    assert judge("P(True)", first)[0] == pytest.approx((straight[0, 0] + turned[0, 1]) / 2)


def test_what_the_model_does_not_verbalise_is_nan(tiny_lm, evidence, monkeypatch):
    part = replace(evidence, questions=evidence.questions[:3], answers=evidence.answers[:3])
    replies = iter([["80 %", "no idea", "0"], ["almost certain", "", "likely"]])

    def reply(lm, contexts, **_):
        assert contexts[0].startswith(prompts.question_prompt(part.questions[0].question))
        return [said(text, 1.0) for text in next(replies)]

    monkeypatch.setattr(asking, "answer_prompts", reply)
    assert judge("verbalised number", part) == pytest.approx([0.8, math.nan, 0.0], nan_ok=True)
    assert judge("verbalised words", part) == pytest.approx([0.95, math.nan, 0.7], nan_ok=True)


def test_the_probe_reads_the_hidden_state(tiny_lm, asked):
    batched = hidden_states(tiny_lm, asked[:5], layer=1, batch_size=2)
    alone = np.concatenate([hidden_states(tiny_lm, [q], layer=1) for q in asked[:5]])
    assert batched == pytest.approx(alone, abs=1e-4)
    assert hidden_states(tiny_lm, asked[:1], layer=0) != pytest.approx(alone[:1], abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([True], "training_correct has 1 rows, training 3"), ([True] * 3, "training_correct holds one class only")],
)
def test_a_probe_without_two_classes_is_refused(asked, evidence, labels, message):
    with pytest.raises(ValueError, match=message):
        judge("P(IK)", evidence, training=asked[:3], training_correct=labels)
