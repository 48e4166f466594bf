"""The successors' scores by hand, where unknown questions come from, and the recording."""

from __future__ import annotations

import pandas as pd
import pytest

from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.data.world.tasks import UNKNOWABLE
from rtuning_helpers.data.world.twins import MISSING, REASONS, UNREAD
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.experiments.successors import measure
from rtuning_helpers.experiments.successors.measure import (
    METHODS,
    SETS,
    new_wording,
    quadrant_rows,
    reason_rows,
    score,
    tunable,
    unknown_rows,
)
from rtuning_helpers.experiments.successors.recording import RECORDING
from rtuning_helpers.run.profiles import RunConfig


def said(correct, refused=None, exposure=0, text="", confidence=0.5, answerable=True, key="q"):
    where = (key, "mini", "id", "Q?", "A", text)
    return Prediction(*where, correct, confidence, None, refused, exposure=exposure, answerable=answerable)


def test_scores_by_hand():
    untuned = [said(True), said(True), said(True), said(False)]
    tuned = [
        said(True, False, exposure=100, confidence=0.9),
        said(True, True, exposure=100, confidence=0.8),  # known, and refused
        said(False, False, confidence=0.7),  # known, and now wrong
        said(False, True, confidence=0.6),
    ]
    found = score(tuned, untuned)
    assert (found["accuracy"], found["answer_rate"], found["willing_accuracy"]) == (0.25, 0.5, 0.5)
    assert (found["over_refusal"], found["kept"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert found["ths"] == pytest.approx(0.25 - 0.25 * 0.75 / 0.25)
    assert found["ap"] == 1  # the only right answer given is the most confident one; refusals stand behind
    assert (found["refused_unread"], found["refused_read"]) == (0.5, 0.5)


def test_what_never_refuses_or_never_errs_has_numbers_all_the_same():
    found = score([said(True, exposure=100), said(True)], [said(True), said(True)])
    assert (found["answer_rate"], found["over_refusal"], found["kept"], found["ths"]) == (1, 0, 1, None)


def test_wordings_that_are_kept_for_the_test():
    asked = [q for q in load_questions("mini-selfaware", "test") if not q.answerable]
    kept = [
        q
        for q in asked
        if new_wording(said(False, key=q.id).__class__(q.id, "d", "s", q.question, "", "", False, 0.5, None, None))
    ]
    ends = {wordings[-1].split("{s}")[1] for wordings in UNKNOWABLE.values()}
    assert 0.1 < len(kept) / len(asked) < 0.6
    assert {q.question[-4:] for q in kept} <= {end[-4:] for end in ends}


def test_refusals_and_reasons_are_counted_by_class(monkeypatch):
    own = [said(False, True, text=REASONS[UNREAD].rstrip(".")), said(False, False), said(True, False, exposure=9)]
    halves = [said(False, True, text=REASONS[UNREAD].rstrip("."), answerable=False), said(True, True, exposure=9)]
    monkeypatch.setattr(measure.steps, "read_method_predictions", lambda *asked: own)
    monkeypatch.setattr(measure, "read_refusals", lambda *asked: halves)
    rows = {row["reason"]: row for row in unknown_rows(RunConfig(), ["craft"])}
    assert (rows[UNREAD]["n"], rows[UNREAD]["refused"]) == (2, 0.5)
    assert (rows[MISSING]["n"], rows[MISSING]["refused"]) == (1, 1)
    assert (rows[f"answerable: {MISSING}"]["n"], rows[f"answerable: {MISSING}"]["refused"]) == (1, 1)
    assert {(r["reason"], r["given"]): r["n"] for r in reason_rows(RunConfig())} == {
        (UNREAD, UNREAD): 1,
        (UNREAD, "answered"): 1,
        **{(reason, UNREAD): 1 for reason in SETS.values()},
    }


def test_quadrants_are_counted_with_those_never_read(monkeypatch):
    rows = [("unknown, uncertain", "refusal", 0, False), ("unknown, uncertain", "left out", 0, True)]
    rows += [("unknown, uncertain", "left out", 7, True), ("known, certain", "answer", 90, False)]
    table = pd.DataFrame(rows, columns=["quadrant", "used", "exposure", "became_known"])
    monkeypatch.setattr(measure, "quadrant_table", lambda config: table)
    names = ("n", "became_known", "never_read", "never_read_became_known")
    found = {(r["quadrant"], r["used"]): tuple(r[name] for name in names) for r in quadrant_rows(RunConfig())}
    assert found == {
        ("unknown, uncertain", "refusal"): (1, 0, 1, 0),
        ("unknown, uncertain", "left out"): (2, 2, 1, 1),
        ("known, certain", "answer"): (1, 0, 0, 0),
    }
    table["exposure"] = None
    assert {(r["never_read"], r["never_read_became_known"]) for r in quadrant_rows(RunConfig())} == {(None, None)}


def test_dpo_needs_its_library(monkeypatch):
    monkeypatch.setattr(measure, "find_spec", lambda name: None)
    assert tunable() == [method for method in METHODS if method != "dpo"]


def test_the_recording_is_complete():
    parts = RECORDING.content()
    for name in ("scores", "unknown", "training"):
        cells = {(row["method"], row["seed"]) for row in parts[name]}
        assert {(m, s) for m in METHODS for s in (0, 1, 2)} <= cells, name
    assert {row["reason"] for row in parts["reasons"]} == set(REASONS)
    for seed in (0, 1, 2):
        assert sum(row["n"] for row in parts["quadrants"] if row["seed"] == seed) == 540


@pytest.mark.notebooks
def test_a_recorded_cell_comes_out_again():
    """CRaFT's quadrants and its THS of seed 0; another processor moves a lot here and there."""
    config = RunConfig(dataset="mini-pararel")
    parts = RECORDING.content()
    was = {(r["quadrant"], r["used"]): r["n"] for r in parts["quadrants"] if r["seed"] == 0}
    now = {(r["quadrant"], r["used"]): r["n"] for r in measure.quadrant_rows(config)}
    assert set(now) == set(was) and all(abs(now[key] - was[key]) <= 60 for key in was)
    (recorded,) = [r for r in parts["scores"] if (r["seed"], r["method"], r["split"]) == (0, "craft", "id")]
    (again,) = [r for r in measure.score_rows(config, ["craft"]) if (r["method"], r["split"]) == ("craft", "id")]
    assert again["ths"] == pytest.approx(recorded["ths"], abs=0.1)
