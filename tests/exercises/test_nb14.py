"""Notebook 14's exercises on scripted scores and quadrants."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from build import read_source, source_files
from wrong_answers import WRONG_ANSWERS

from rtuning_helpers import steps
from rtuning_helpers.exercises import nb14
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.successors import measure
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.craft import QUADRANTS, certainty, correctness
from rtuning_helpers.tuning.registry import PRETRAINED

SCORES = [
    {"method": method, "split": "id", "ths": ths, "over_refusal": over}
    for method, ths, over in (("pretrained", 0, 0), ("vanilla", 0.01, 0), ("craft", 0.2, 0.1), ("dpo", 0.3, 0.4))
]
TABLE = pd.DataFrame(
    {
        "correctness": [0.1] * 10 + [0.9] * 5,
        "exposure": [0] * 4 + [5] * 6 + [0, 5, 5, 5, 5],
        "became_known": [True] + [False] * 3 + [True] * 4 + [False] * 2 + [True, False, False, True, False],
    }
)


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    for module in (nb14, measure):
        monkeypatch.setattr(module, "score_rows", lambda config, methods: SCORES)
        monkeypatch.setattr(module, "quadrant_table", lambda config: TABLE)
    there = {"np": np, "pd": pd, "steps": steps, "measure": measure, "config": RunConfig(), "methods": []}
    there |= {"PRETRAINED": PRETRAINED, "QUADRANTS": QUADRANTS, "questions": [], "uncertainty": []}
    there |= {"correctness": correctness, "certainty": certainty}
    source = read_source(next(path for name, path in source_files().items() if name.startswith("14")), solutions=True)
    cells = [cell.source for cell in source.cells if cell.cell_type == "code"]
    first, surprises, seen = next(k for k, cell in enumerate(cells) if cell.startswith("def corner")), [], []
    for cell in cells[first:]:
        if called := re.fullmatch(r'check\("(14\.\d)", (\w+)\)', cell.strip()):
            key = called[1]
            seen.append(key)
            assert verdict(RunConfig(), key, there[called[2]]) == f"{key}: right."
            for wrong, part in WRONG_ANSWERS[key]:
                said = verdict(RunConfig(), key, eval(wrong, there.copy()))
                if not said.startswith(f"{key}: not yet. ") or part.lower() not in said.lower():
                    surprises.append(f"{key} {wrong}: {said!r}, not {part!r}")
        else:
            exec(compile(cell, "notebook 14", "exec"), there)
    assert seen == list(nb14.CHECKS)
    assert surprises == []
