"""CRaFT's records by hand: four quadrants, what the rehearsal takes out, and how many of each are drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import asked
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_refusal_data import make_probe

from rtuning_helpers.data.matching import is_refusal
from rtuning_helpers.probe.uncertainty import Uncertainty
from rtuning_helpers.tuning.methods.craft import (
    QUADRANTS,
    REFUSED,
    TAUGHT,
    Resampled,
    build_craft,
    certainty,
    correctness,
    quadrant,
)


def sampled(*answers):
    return [Uncertainty("", 1.0, 0.0, list(row)) for row in answers]


def after(*answers):
    return [Resampled("", list(row)) for row in answers]


def test_correctness_and_certainty_by_hand():
    assert correctness(asked.OPEN, ["Łódź", "in Łódź", "Oslo", ""]) == 0.5
    assert certainty(["a", "A.", "b", "b"]) == pytest.approx(2 / 6)  # two pairs of six agree
    assert (certainty(["a"] * 4), certainty(["a", "b"])) == (1, 0)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_quadrants_part_all_questions(correct, certain):
    name = quadrant(correct, certain)
    assert [name == q for q in QUADRANTS].count(True) == 1
    assert (name.startswith("known"), name.endswith(" certain")) == (correct >= 0.5, certain >= 0.5)


def test_records_by_hand():
    probes = [make_probe(i, i < 2) for i in range(5)]
    before = sampled(
        ["A0", "A0", "A0", "A0"],  # known, certain: taught
        ["A1", "A1", "x", "y"],  # known, uncertain (one pair of six agrees): left out
        ["x", "x", "x", "x"],  # unknown, certain: left out
        ["w", "x", "y", "z"],  # unknown, uncertain, and stays so: refused
        ["w", "x", "y", "z"],  # the same, but the rehearsal makes it known: left out
    )
    again = after(["A0"] * 4, ["A1"] * 4, ["x"] * 4, ["v"] * 4, ["A4", "x", "y", "z"])
    records = build_craft(probes, uncertainty=before, rehearsal=again, seed=0)
    assert Counter(r.id for r in records) == {
        "id-0": 4,
        "id-3": 1,
    }  # one of five is refused, as often as there are probes
    assert {r.completion for r in records if r.certain} == {" A0."}
    (refused,) = [r for r in records if not r.certain]
    assert is_refusal(refused.completion) and refused.prompt == "Question: Q3? Answer:"
    assert build_craft(probes, uncertainty=before, rehearsal=again, seed=0) == records


def test_a_rehearsal_that_makes_it_worse_changes_nothing():
    probes = [make_probe(0, True), make_probe(1, False)]
    before, worse = sampled(["A0"] * 4, ["A1", "x", "y", "z"]), after(["x"] * 4, ["w", "x", "y", "z"])
    records = build_craft(probes * 5, uncertainty=before * 5, rehearsal=worse * 5)
    assert Counter(r.id for r in records) == {"id-0": 8, "id-1": 2}


def test_where_nothing_is_known_all_is_refused_and_the_other_way_round():
    known, unknown = make_probe(0, True), make_probe(1, False)
    only = build_craft([unknown], uncertainty=sampled(["x", "y"]), rehearsal=after(["x", "y"]))
    assert [r.certain for r in only] == [False]
    only = build_craft([known], uncertainty=sampled(["A0", "A0"]), rehearsal=after(["A0", "A0"]))
    assert [r.certain for r in only] == [True]


def test_questions_without_an_answer_are_refused():
    nobody = replace(asked.OPEN, answer="", answerable=False)
    probe = replace(make_probe(1, False), id=nobody.id, question=nobody.question, answer="", answerable=False)
    same = ["x", "x"]  # however certain the model is
    (record,) = build_craft([probe], [nobody], uncertainty=sampled(same), rehearsal=after(same))
    assert is_refusal(record.completion)


def test_the_used_quadrants_are_those_that_correctness_and_certainty_agree_on():
    assert (TAUGHT, REFUSED) == ("known, certain", "unknown, uncertain")
