"""Refusals that say why: twins of each class, disparity by hand, and the records that are made of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from rtuning_helpers.data.matching import is_refusal
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.data.world.tasks import UNKNOWABLE, TaskWriter
from rtuning_helpers.data.world.twins import (
    MISSING,
    PREMISE,
    REASONS,
    UNKNOWABLE_ONE,
    UNREAD,
    reason_given,
    unknown_twins,
)
from rtuning_helpers.data.world.world import build_world
from rtuning_helpers.errors import InputError
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.tuning.methods.self_aligned import Twin, build_self_aligned, curated, disparity

ASKED = load_questions("mini", "train", limit=8)


def probe_of(question, correct, confidence=0.9):
    place = (question.id, question.dataset, question.split, question.question, question.answer, question.relation)
    prediction = question.answer if correct else "nonsense"
    return Probe(*place, question.exposure, prediction, correct, confidence, 0.1)


PROBES = [probe_of(q, i % 2 == 0) for i, q in enumerate(ASKED)]


def twin_of(probe, reason, prediction="another", confidence=0.5):
    return Twin(probe.id, reason, f"Question: {reason} {probe.id}? Answer:", prediction, confidence)


def test_every_question_has_a_twin_of_each_class_that_cannot_be_answered():
    made = unknown_twins(ASKED, seed=1)
    assert Counter(reason for _, reason, _ in made) == dict.fromkeys((MISSING, PREMISE, UNKNOWABLE_ONE), 8)
    assert [source for source, *_ in made[::3]] == [q.id for q in ASKED]
    assert not any(q.answerable or q.answer for *_, q in made)
    assert len({q.id for *_, q in made}) == 24
    by_class = {reason: [q.question for _, r, q in made if r == reason] for reason in REASONS}
    names = {f.subject for f in build_world().facts}
    tested = {name for some in TaskWriter(build_world()).made_up.values() for name in some}
    for text in by_class[MISSING]:
        assert not (names | tested) & set(text.rstrip("?").split())
    assert all(
        text.startswith("Since ") and q.question[1:] in text for text, q in zip(by_class[PREMISE], ASKED, strict=True)
    )
    subject_of = {f.question: f.subject for f in build_world().facts}
    kept_for_tests = {wordings[-1] for wordings in UNKNOWABLE.values()}
    asked_now = [
        text.replace(subject_of[q.question], "{s}") for text, q in zip(by_class[UNKNOWABLE_ONE], ASKED, strict=True)
    ]
    assert not kept_for_tests & set(asked_now) and set(asked_now) <= {w for some in UNKNOWABLE.values() for w in some}
    assert unknown_twins(ASKED, seed=1) == made != unknown_twins(ASKED, seed=2)


def test_other_questions_have_no_twins():
    assert unknown_twins([replace(ASKED[0], question="Who?"), replace(ASKED[0], context="Read.")]) == []


def test_a_reason_is_a_refusal_and_is_read_from_an_answer():
    for reason, text in REASONS.items():
        assert is_refusal(text)
        assert reason_given(text.rstrip(".")) == reason
    assert reason_given("Kylstad") is None


def test_disparity_by_hand():
    known = PROBES[0]
    assert disparity(known, twin_of(known, MISSING)) == pytest.approx(0.9)  # another answer
    assert disparity(known, twin_of(known, PREMISE, known.prediction, 0.85)) == pytest.approx(0.05)
    twins = [twin_of(known, MISSING), twin_of(known, PREMISE, known.prediction, 0.85), twin_of(PROBES[1], MISSING)]
    assert curated(PROBES, twins) == twins[:1]  # the second is taken for the known one, the third's source is unknown


def test_records_by_hand():
    twins = [twin_of(PROBES[0], MISSING), twin_of(PROBES[2], UNKNOWABLE_ONE)]
    twins += [twin_of(PROBES[4], PREMISE, PROBES[4].prediction, 0.9)]  # curated away: a class without records
    records = build_self_aligned(PROBES, ASKED, twins=twins, seed=0)
    assert len(records) == 8 and sum(r.certain for r in records) == 4
    told = Counter(reason_given(r.completion.strip()) for r in records)
    assert told == {None: 4, UNREAD: 1, MISSING: 1, UNKNOWABLE_ONE: 2}
    golds = {q.id: q.answer for q in ASKED[::2]}
    assert {(r.id, r.completion) for r in records if r.certain} == {(i, f" {a}.") for i, a in golds.items()}
    (missing,) = [r for r in records if r.completion == f" {REASONS[MISSING]}"]
    assert missing.prompt == twins[0].prompt
    (unread,) = [r for r in records if r.completion == f" {REASONS[UNREAD]}"]
    assert unread.id in {p.id for p in PROBES[1::2]}


def test_other_data_is_refused_in_one_line():
    with pytest.raises(
        InputError, match="self-aligned makes its questions from the mini world; expected data set mini"
    ):
        build_self_aligned(PROBES, ASKED, twins=[])
