"""Notebook 06's exercises on scripted answers to the six tasks, and on the recorded seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from solution_cells import surprises

from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises import nb06
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.transfer import measure
from rtuning_helpers.experiments.transfer.recording import RECORDING
from rtuning_helpers.run.profiles import RunConfig

CONFIG = RunConfig(dataset="multitask")


def scripted(config: RunConfig, trained: measure.Trained, tested_on: str) -> list[Prediction]:
    """What was read often is mostly right; P(sure) tells it well on the later tasks, the answer confidence on all."""
    rng = np.random.default_rng(7)
    rows = []
    for k in range(300):
        exposure = int(rng.choice([0, 7, 30, 90, 400]))
        right = bool(rng.random() < 0.3 + 0.6 * (exposure > 60))
        width = 0.9 - 0.15 * measure.TESTED_ON.index(tested_on)
        answer, sure = (float(np.clip(0.3 + 0.4 * right + rng.normal(0, w), 0, 1)) for w in (0.4, width))
        rows.append(Prediction(str(k), "mini", "id", "?", "", "", right, answer, sure, sure <= 0.5, exposure=exposure))
    return rows


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    monkeypatch.setattr(measure, "read_answers", scripted)
    there = {"config": CONFIG, "np": np, "transfer": measure, "tasks": measure.TESTED_ON}
    there |= {"recording": RECORDING.read(CONFIG)}
    assert surprises("06", there, first="def luck") == []


def test_the_cases_of_a_function_tell_its_mistakes_apart():
    everything = [function for function, _ in nb06.MISTAKES] + [nb06._luck]
    assert len({tuple(function(*case) for case in nb06.CASES) for function in everything}) == len(everything)


@pytest.mark.parametrize(
    ("key", "answer", "reason"),
    [
        ("06.2", {"task": "mmlu", "gain": 0}, "a task of this run has no right answer"),
        ("06.3", {"chosen": 0.7, "four": 0.7}, "it needs the recorded seeds of the default model"),
        ("06.4", {"judge": 0.7, "sure": 0.7}, "nobody knows the exposures of this data; the mini twins have them"),
    ],
)
def test_a_run_that_cannot_show_it(monkeypatch, key, answer, reason):
    wrong = Prediction("1", "mini", "id", "?", "", "", False, 0.5, 0.5, True)
    monkeypatch.setattr(measure, "read_answers", lambda *asked: [wrong])
    said = verdict(replace(CONFIG, model="another"), key, answer)
    assert said == f"{key}: cannot be checked here, because {reason}."
