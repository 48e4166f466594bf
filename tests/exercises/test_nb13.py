"""Notebook 13's exercises on scripted predictions."""

from __future__ import annotations

import numpy as np
import pytest
from solution_cells import surprises

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.continuous import measure as continuous
from rtuning_helpers.run.profiles import RunConfig


def scripted(count: int = 500) -> list[Prediction]:
    """Predictions of which 45 % are right, with confidences that tell a lot and promise too much."""
    rng = np.random.default_rng(1)
    right = rng.random(count) < 0.45
    answer, sure = (np.clip(0.6 + by * (right - 0.5) + rng.normal(0, 0.2, count), 0, 1) for by in (0.4, 0.7))
    rows = zip(right.tolist(), answer.tolist(), sure.tolist(), strict=True)
    return [Prediction("", "mini", "id", "", "", "", *row, refused=row[2] <= 0.5) for row in rows]


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    judged = scripted()
    monkeypatch.setattr(steps, "read_method_predictions", lambda config, method, split: judged)
    there = {
        "config": RunConfig(),
        "np": np,
        "continuous": continuous,
        "first": "id",
        "predictions": {("confidence", "id"): judged},
    }
    assert surprises("13", there, first="def expected_value") == []


@pytest.mark.parametrize(
    ("key", "answer", "reason"),
    [
        ("13.2", {"stated": 0.5, "right": 0.5}, "no answer comes with more than 90 % in this run"),
        ("13.3", {"brier": 0.5, "linear": 0}, "exactly half of the answers are right in this run, so that"),
    ],
)
def test_a_run_that_cannot_show_it(monkeypatch, key, answer, reason):
    part = [Prediction("", "mini", "id", "", "", "", right, 0.5, 0.5, False) for right in (True, False)]
    monkeypatch.setattr(steps, "read_method_predictions", lambda *asked: part)
    assert verdict(RunConfig(), key, answer).startswith(f"{key}: cannot be checked here, because {reason}")
