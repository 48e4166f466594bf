"""Notebook 18's exercises on scripted predictions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from solution_cells import surprises

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.promises import measure as promises
from rtuning_helpers.metrics import risk_control_threshold, wrong_answer_threshold
from rtuning_helpers.run.profiles import RunConfig


def scripted(count: int = 600) -> list[Prediction]:
    """Predictions of which half are right, with confidences that tell a lot."""
    rng = np.random.default_rng(0)
    right = rng.random(count) < 0.5
    score = np.clip(0.5 + 0.5 * (right - 0.5) + rng.normal(0, 0.2, count), 0, 1)
    rows = zip(right.tolist(), score.tolist(), score.tolist(), strict=True)
    return [Prediction("", "mini", "id", "", "", "", *row, refused=row[2] <= 0.5) for row in rows]


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    judged = scripted()
    monkeypatch.setattr(steps, "read_method_predictions", lambda config, method, split: judged)
    there = {"config": RunConfig(), "np": np, "binom": binom, "promises": promises, "max_risk": 0.1, "delta": 0.1}
    there |= {"risk_control_threshold": risk_control_threshold, "wrong_answer_threshold": wrong_answer_threshold}
    there["right"] = np.array([p.correct for p in judged], dtype=float)
    there["score"] = np.array([p.mixed_confidence for p in judged])
    assert surprises("18", there, first="def answers_needed") == []


@pytest.mark.parametrize(
    ("key", "answer", "right", "reason"),
    [
        ("18.2", {"coverage": 0.5, "risk": 0.1}, False, "no threshold is safe at 20 % in this run"),
        ("18.3", 0.5, True, "too few answers are wrong in this run"),
    ],
)
def test_a_run_that_cannot_show_it(monkeypatch, key, answer, right, reason):
    part = [Prediction("", "mini", "id", "", "", "", right, 0.9, 0.9, False)] * 90
    monkeypatch.setattr(steps, "read_method_predictions", lambda *asked: part)
    expected = f"{key}: cannot be checked here, because {reason}."
    assert verdict(RunConfig(), key, answer) == expected
