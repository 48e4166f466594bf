"""Notebook 12's exercises on the recordings of both models."""

from __future__ import annotations

import pytest
from solution_cells import surprises

from rtuning_helpers.exercises import nb12
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.real_models import models
from rtuning_helpers.experiments.real_models.tables import unpack
from rtuning_helpers.run.profiles import RunConfig


def test_solutions_are_right_and_wrong_answers_refused():
    assert surprises("12", {}) == []


def test_the_cases_of_the_function_tell_its_mistakes_apart():
    seen = {str([wrong(*case) for case in nb12.CASES]) for wrong, _ in nb12.MISTAKES}
    right = str([nb12._top(*case) for case in nb12.CASES])
    assert len(seen | {right}) == len(nb12.MISTAKES) + 1


@pytest.mark.parametrize(
    ("key", "answer", "reason"),
    [
        ("12.2", {"always": 1, "given": 1}, "no question of this run that is right in all ten samples"),
        ("12.3", {"weight": 0.5, "ood": 0.5}, "this run has no tests id and ood"),
        ("12.4", {"id": 0.5, "ood": 0.5}, "this run has no tests id and ood"),
    ],
)
def test_a_run_that_cannot_show_it(monkeypatch, key, answer, reason):
    columns = {"seed": 0, "correct": "10", "answer": [0.5, 0.5], "sure": None, "refused": None}
    parts = {
        "questions": [{"seed": 0, "split": split, "in_question": "00"} for split in ("train", "test")],
        "training": [{"seed": 0, "correct": "10", "samples_right": [10, 0]}],
        "predictions": [{"method": "pretrained", "split": "test"} | columns],
        "runs": [{"seed": 0}],
    }
    monkeypatch.setattr(models, "measure", lambda config: parts)
    said = verdict(RunConfig(limit=2), key, answer)
    assert said.startswith(f"{key}: cannot be checked here, because {reason}"), said
    assert unpack(parts)["predictions"][0]["mixed"] is None
