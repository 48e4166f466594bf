"""One call, all estimators: shared answers, nothing sampled in vain, bad arguments named."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers.confidence import evidence
from rtuning_helpers.confidence.columns import ESTIMATORS, NAMES, estimate
from rtuning_helpers.data.registry import load_questions


@pytest.fixture(scope="module")
def asked():
    return load_questions("mini", "id", limit=TINY_LIMIT)


def test_all_estimators_judge_the_same_answers(tiny_lm, asked):
    training = load_questions("mini", "train", limit=TINY_LIMIT)
    known = evidence.gather(tiny_lm, training, k=None).correct
    found = estimate(tiny_lm, asked, NAMES, k=4, training=training, training_correct=known)
    assert tuple(found.confidence) == NAMES
    assert {len(column) for column in found.confidence.values()} == {len(asked)}
    assert found.confidence["answer probability"].tolist() == [a.confidence for a in found.evidence.answers]
    again = ESTIMATORS["semantic entropy"].confidence(found.evidence)
    assert found.confidence["semantic entropy"].tolist() == again.tolist()
    assert found.samples_used["self-consistency"] == 4
    assert found.samples_used["P(True)"] == 0
    assert found.unparsed["answer probability"] == 0
    assert found.unparsed["verbalised words"] == np.isnan(found.confidence["verbalised words"]).sum()
    whole = [name for name in NAMES if not name.startswith("verbalised")]
    assert all(((found.confidence[name] >= 0) & (found.confidence[name] <= 1 + 1e-9)).all() for name in whole)


def test_nothing_is_sampled_that_nobody_needs(tiny_lm, asked):
    found = estimate(tiny_lm, asked[:3], ["token entropy", "P(True)"])
    assert found.evidence.samples is None
    assert found.evidence.answers[0].sure_probability is None
    assert estimate(tiny_lm, asked[:3], ["P(sure)"]).evidence.answers[0].sure_probability is not None


def test_by_default_all_that_can_be_had(tiny_lm, asked, monkeypatch):
    monkeypatch.setattr(
        evidence,
        "draw_question_answers",
        lambda lm, questions, k, **_: [evidence.answer_questions(lm, [q] * k) for q in questions],
    )
    found = estimate(tiny_lm, asked[:2], k=2)
    assert set(NAMES) - set(found.confidence) == {"P(IK)", "P(sure)"}
    assert found.confidence["self-consistency"].tolist() == [1, 1]  # both "samples" are the greedy answer


def test_another_sense_of_same_meaning_is_used(tiny_lm, asked):
    found = estimate(tiny_lm, asked[:3], ["semantic entropy"], k=3, same_meaning=lambda *_: True)
    assert found.confidence["semantic entropy"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("count", "options", "message"),
    [
        (0, {}, "questions is empty"),
        (1, {"names": ["luck"]}, "estimator 'luck' is unknown; expected some of sequence probability"),
        (1, {"k": 1}, "k is 1; estimators over samples need at least 2"),
        (1, {"names": ["P(IK)"]}, "training_correct holds one class only"),
    ],
)
def test_bad_arguments(tiny_lm, asked, count, options, message):
    with pytest.raises(ValueError, match=message):
        estimate(tiny_lm, asked[:count], **options)
