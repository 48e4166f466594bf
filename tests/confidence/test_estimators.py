"""Estimators by hand on made-up evidence, and on the tiny model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers.confidence import estimators
from rtuning_helpers.confidence.estimators import Evidence, gather, meaning_clusters
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.metrics import auroc
from rtuning_helpers.model.decoding import Answer, answer_prompts
from rtuning_helpers.model.labels import label_probabilities

ASKED = [Question("q1", "mini", "id", "Who?", "Ann", "x"), Question("q2", "mini", "id", "Where?", "Ulm", "x")]


def said(text, *probabilities, entropies=None, sure=None):
    return Answer(text, probabilities, entropies or (0.0,) * len(probabilities), sure)


EVIDENCE = Evidence(
    ASKED,
    [said("Ann", 0.5, 0.8, entropies=(1.0, 0.5), sure=0.9), said("Bonn", 0.25, entropies=(2.0,), sure=0.2)],
    [
        [said("Ann", 0.5), said("ann.", 0.1), said("Ann", 0.5), said("Eve", 0.2)],
        [said("Ulm", 0.1), said("Bonn", 0.2), said("Kiel", 0.3), said("Rome", 0.4)],
    ],
)


def test_the_greedy_answer_by_hand():
    assert EVIDENCE.correct.tolist() == [True, False]
    assert estimators.sequence_probability(EVIDENCE) == pytest.approx([0.5 * 0.8, 0.25])
    assert estimators.length_normalised_probability(EVIDENCE) == pytest.approx([math.sqrt(0.4), 0.25])
    assert estimators.token_entropy(EVIDENCE) == pytest.approx([math.exp(-0.75), math.exp(-2)])
    assert estimators.sureness(EVIDENCE).tolist() == [0.9, 0.2]


@pytest.mark.parametrize("k", range(2, 21))
def test_samples_that_all_differ_are_worth_nothing_and_never_less(k):
    """1 - ln k / ln k comes out as -2e-16 for some k, which no metric would take."""
    evidence = Evidence(EVIDENCE.questions[:1], EVIDENCE.answers[:1], [[said(f"answer {i}", 0.1) for i in range(k)]])
    assert 0 <= estimators.sample_entropy(evidence)[0] < 1e-12


def test_samples_by_hand():
    # raw: Ann 2, "ann." 1, Eve 1 of 4; in words: Ann 3, Eve 1
    raw = -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
    words = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert estimators.sample_entropy(EVIDENCE) == pytest.approx([1 - raw / math.log(4), 0])
    assert estimators.sample_entropy(EVIDENCE, normalise=True) == pytest.approx([1 - words / math.log(4), 0])
    assert estimators.self_consistency(EVIDENCE).tolist() == [0.75, 0.25]
    assert estimators.modal_frequency(EVIDENCE).tolist() == [0.5, 0.25]


def test_semantic_entropy_by_hand():
    # the cluster of Ann weighs 0.5 + 0.1 (each different answer once, though "Ann" was drawn twice), Eve's 0.2
    shares = np.array([0.6, 0.2]) / 0.8
    first = 1 + (shares * np.log(shares)).sum() / math.log(4)
    others = np.array([0.1, 0.2, 0.3, 0.4])
    second = 1 + (others * np.log(others)).sum() / math.log(4)
    assert estimators.semantic_entropy(EVIDENCE) == pytest.approx([first, second])
    by_words = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert estimators.semantic_entropy(EVIDENCE, by_frequency=True) == pytest.approx([1 - by_words / math.log(4), 0])
    everything_alike = estimators.semantic_entropy(EVIDENCE, same_meaning=lambda *_: True)
    assert everything_alike == pytest.approx([1, 1])


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
    bare = Evidence(ASKED, [said("Ann", 0.5)] * 2)
    for estimator in (estimators.sample_entropy, estimators.self_consistency, estimators.semantic_entropy):
        with pytest.raises(ValueError, match="no samples; gather it with k of at least 2"):
            estimator(bare)
    with pytest.raises(ValueError, match="no sure confidences; gather it with ask_sureness=True"):
        estimators.sureness(bare)
    one = replace(EVIDENCE, samples=[[said("Ann", 0.5)]] * 2)
    with pytest.raises(ValueError, match="samples of q1 hold 1 answer; k has to be at least 2"):
        estimators.modal_frequency(one)


# --- on a model ---


@pytest.fixture(scope="module")
def asked():
    return load_questions("mini", "id", limit=TINY_LIMIT)


@pytest.fixture(scope="module")
def evidence(tiny_lm, asked):
    return gather(tiny_lm, asked, k=4, ask_sureness=True)


def test_gathering(tiny_lm, asked, evidence):
    assert len(evidence.answers) == len(evidence.samples) == len(asked)
    assert {len(row) for row in evidence.samples} == {4}
    assert 0 < evidence.correct.sum() < len(asked)
    assert gather(tiny_lm, asked[:2], k=None).samples is None
    with pytest.raises(ValueError, match="k is 1; estimators over samples need at least 2"):
        gather(tiny_lm, asked[:2], k=1)
    same = gather(tiny_lm, asked, k=4, ask_sureness=True)
    assert [[a.text for a in row] for row in same.samples] == [[a.text for a in row] for row in evidence.samples]


def test_token_entropies_belong_to_the_answer_tokens(evidence):
    for answer in evidence.answers:
        assert len(answer.token_entropies) == len(answer.token_probabilities)
        assert min(answer.token_entropies) >= 0
        # -ln of the greedy token's probability never exceeds the entropy plus ... the other way: p_max >= exp(-H)
        for p, h in zip(answer.token_probabilities, answer.token_entropies, strict=True):
            assert p >= math.exp(-h) - 1e-4


def test_every_column_is_a_confidence(tiny_lm, asked, evidence):
    training = load_questions("mini", "train", limit=TINY_LIMIT)
    known = gather(tiny_lm, training, k=None).correct
    columns = [
        estimators.sequence_probability(evidence),
        estimators.length_normalised_probability(evidence),
        estimators.token_entropy(evidence),
        estimators.sureness(evidence),
        estimators.sample_entropy(evidence),
        estimators.self_consistency(evidence),
        estimators.modal_frequency(evidence),
        estimators.semantic_entropy(evidence),
        estimators.semantic_entropy(evidence, by_frequency=True),
        estimators.question_familiarity(tiny_lm, evidence),
        estimators.p_true(tiny_lm, evidence),
        estimators.p_ik(tiny_lm, evidence, training, known),
    ]
    for column in columns:
        assert column.shape == (len(asked),)
        assert ((column >= 0) & (column <= 1 + 1e-9)).all()
    assert auroc(evidence.correct, estimators.length_normalised_probability(evidence)) > 0.7


def test_p_true_is_averaged_over_both_orders(tiny_lm, evidence):
    first = replace(evidence, questions=evidence.questions[:1], answers=evidence.answers[:1])
    prompt, answer = prompts.question_prompt(first.questions[0].question), first.answers[0].text
    straight = label_probabilities(tiny_lm, [prompts.p_true_prompt(prompt, answer, "True", "False")], [" A", " B"])
    turned = label_probabilities(tiny_lm, [prompts.p_true_prompt(prompt, answer, "False", "True")], [" A", " B"])
    assert estimators.p_true(tiny_lm, first)[0] == pytest.approx((straight[0, 0] + turned[0, 1]) / 2)


def test_what_the_model_does_not_verbalise_is_nan(tiny_lm, evidence, monkeypatch):
    part = replace(evidence, questions=evidence.questions[:3], answers=evidence.answers[:3])
    replies = iter([["80 %", "no idea", "0"], ["almost certain", "", "likely"]])

    def reply(lm, contexts, **_):
        assert contexts[0].startswith(prompts.question_prompt(part.questions[0].question))
        return [said(text, 1.0) for text in next(replies)]

    monkeypatch.setattr(estimators, "answer_prompts", reply)
    assert estimators.verbalised_number(tiny_lm, part) == pytest.approx([0.8, math.nan, 0.0], nan_ok=True)
    assert estimators.verbalised_words(tiny_lm, part) == pytest.approx([0.95, math.nan, 0.7], nan_ok=True)
    monkeypatch.setattr(estimators, "answer_prompts", answer_prompts)
    assert len(estimators.verbalised_number(tiny_lm, part)) == 3


def test_the_probe_reads_the_hidden_state(tiny_lm, asked):
    batched = estimators.hidden_states(tiny_lm, asked[:5], layer=1, batch_size=2)
    alone = np.concatenate([estimators.hidden_states(tiny_lm, [q], layer=1) for q in asked[:5]])
    assert batched == pytest.approx(alone, abs=1e-4)
    assert estimators.hidden_states(tiny_lm, asked[:1], layer=0) != pytest.approx(alone[:1], abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([True], "training_correct has 1 rows, training 3"), ([True] * 3, "training_correct holds one class only")],
)
def test_a_probe_without_two_classes_is_refused(tiny_lm, asked, evidence, labels, message):
    with pytest.raises(ValueError, match=message):
        estimators.p_ik(tiny_lm, evidence, asked[:3], labels)
