"""Notebook 15's exercises on scripted walks: models tuned in a test's time cannot chain two facts."""

from __future__ import annotations

import numpy as np
import pytest
from solution_cells import surprises

from rtuning_helpers.exercises import nb15
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.aloud import measure as aloud
from rtuning_helpers.experiments.aloud import tables
from rtuning_helpers.experiments.aloud.measure import ARMS, HOP_BY_HOP, WITH_STEPS, Walk
from rtuning_helpers.run.profiles import RunConfig


def scripted(kind: str, count: int = 300) -> list[Walk]:
    """Walks whose steps are right about every second time, with a P(sure) that knows of its own step."""
    rng = np.random.default_rng(len(kind))
    found = []
    for number in range(count):
        right = [bool(r) for r in rng.random(2) < (0.6, 0.8)]
        sure = np.clip(0.5 + 0.4 * (np.array(right) - 0.5) + rng.normal(0, 0.15, 2), 0, 1).tolist()
        follows = None if kind == "pair" or number % 7 == 0 else bool(rng.random() < 0.9)
        words: list[str] = ["", ""]
        found.append(Walk(str(number), "id", kind, [9, 9], [True, True], words, right, follows, sure, [0.5, 0.5]))
    return found


@pytest.fixture
def walks(monkeypatch):
    walks = [*scripted("chain"), *scripted("pair")]
    for module in (nb15, aloud):
        monkeypatch.setattr(module, "read_walks", lambda config, arm: walks)
    return walks


def test_solutions_are_right_and_wrong_answers_refused(walks):
    there = {"config": RunConfig(dataset="mini-two-hops"), "np": np, "tables": tables, "aloud": aloud, "ARMS": ARMS}
    there |= {"HOP_BY_HOP": HOP_BY_HOP, "WITH_STEPS": WITH_STEPS}
    assert surprises("15", there, first="def whole") == []


def test_the_cases_of_the_function_tell_its_mistakes_apart():
    seen = {str([wrong(*case) for case in nb15.CASES]) for wrong, _ in nb15.MISTAKES}
    right = str([nb15._whole(*case) for case in nb15.CASES])
    assert len(seen | {right}) == len(nb15.MISTAKES) + 1


def test_a_run_that_cannot_show_it(monkeypatch):
    monkeypatch.setattr(nb15, "read_walks", lambda config, arm: [])
    said = [
        verdict(RunConfig(), "15.2", {"follows": 1, "sure": 1}),
        verdict(RunConfig(), "15.3", dict(expected=1, observed=1)),
    ]
    assert said == [
        "15.2: cannot be checked here, because no first step of a chain names a wrong bridge.",
        "15.3: cannot be checked here, because this run has no pairs.",
    ]
