"""Notebook 16's exercises on scripted trials: what comes of pressure, without a model."""

from __future__ import annotations

import random

import numpy as np
from solution_cells import surprises
from wrong_answers import WRONG_ANSWERS

from rtuning_helpers.exercises import nb16
from rtuning_helpers.experiments.pressure import measure
from rtuning_helpers.experiments.pressure.measure import Pressed
from rtuning_helpers.run.profiles import RunConfig


def scripted(count: int = 60) -> list[Pressed]:
    """Trials of three attacks; some down end refused though right."""
    rng, rows = random.Random(0), []
    for way, refusing in (("up", 0.9), ("down", 0.2)):
        for number in range(count):
            for attack in ("random words", "insistence", "paraphrase"):
                told = rng.random() < refusing, rng.random() < 0.3
                rows.append(Pressed(attack, way, f"{way}{number}", 0, 0.5, 0.5, *told, True, 0.0))
    return rows


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    found = scripted()
    monkeypatch.setattr(measure, "read_pressed", lambda config, method: found)
    monkeypatch.setattr(nb16, "read_pressed", lambda config, method: found)
    there = {"np": np, "measure": measure, "config": RunConfig()}
    assert surprises("16", there, first="def flipped") == []
    assert list(nb16.CHECKS) == [key for key in WRONG_ANSWERS if key.startswith("16")]
