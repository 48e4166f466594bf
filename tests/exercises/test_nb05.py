"""Notebook 05's exercises on scripted predictions: models tuned in a test's time know nothing of themselves."""

from __future__ import annotations

import numpy as np
import pytest
from solution_cells import surprises

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.metrics import average_precision
from rtuning_helpers.run.profiles import RunConfig


def scripted(method: str, count: int = 400) -> list[Prediction]:
    """Predictions of which half are right, with confidences that tell something and a P(sure) that tells more."""
    rng = np.random.default_rng(len(method))
    right = rng.random(count) < 0.5
    answer, sure = (np.clip(0.5 + by * (right - 0.5) + rng.normal(0, 0.2, count), 0, 1) for by in (0.3, 0.7))
    rows = zip(right.tolist(), answer.tolist(), sure.tolist(), strict=True)
    return [Prediction("", "mini", "id", "", "", "", *row, refused=row[2] <= 0.4) for row in rows]


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    found = {method: scripted(method) for method in ("padding", "replacement")}
    monkeypatch.setattr(steps, "read_method_predictions", lambda config, method, split: found[method])
    there = {"config": RunConfig(), "first": "id", "np": np, "average_precision": average_precision}
    there["predictions"] = {(method, "id"): part for method, part in found.items()}
    assert surprises("05", there, first="def willing") == []


@pytest.mark.parametrize("refused", [True, False])
def test_a_run_that_cannot_show_it(monkeypatch, refused):
    part = [Prediction("", "mini", "id", "", "", "", True, 0.9, 0.9, refused)] * 3
    monkeypatch.setattr(steps, "read_method_predictions", lambda *asked: part)
    said = verdict(RunConfig(), "05.4", {"border": 0.5, "padding": 1, "replacement": 1})
    assert said == (
        "05.4: cannot be checked here, because the replacement model refuses nothing or everything in this run."
    )
