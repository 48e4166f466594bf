"""Notebook 16's exercises on scripted trials: what comes of pressure, without a model."""

from __future__ import annotations

import random
import re

import numpy as np
from build import read_source, source_files
from wrong_answers import WRONG_ANSWERS

from rtuning_helpers.exercises import nb16
from rtuning_helpers.exercises.check import verdict
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
    source = read_source(next(path for name, path in source_files().items() if name.startswith("16")), solutions=True)
    cells = [cell.source for cell in source.cells if cell.cell_type == "code"]
    first, surprises, seen = next(k for k, cell in enumerate(cells) if cell.startswith("def flipped")), [], []
    for cell in cells[first:]:
        if called := re.fullmatch(r'check\("(16\.\d)", (\w+)\)', cell.strip()):
            key = called[1]
            seen.append(key)
            assert verdict(RunConfig(), key, there[called[2]]) == f"{key}: right."
            for wrong, part in WRONG_ANSWERS[key]:
                said = verdict(RunConfig(), key, eval(wrong, there.copy()))
                if not said.startswith(f"{key}: not yet. ") or part.lower() not in said.lower():
                    surprises.append(f"{key} {wrong}: {said!r}, not {part!r}")
        else:
            exec(compile(cell, "notebook 16", "exec"), there)
    assert seen == list(nb16.CHECKS)
    assert surprises == []
