"""Notebook 14's exercises on scripted scores and quadrants."""

from __future__ import annotations

import numpy as np
import pandas as pd
from solution_cells import surprises
from wrong_answers import WRONG_ANSWERS

from rtuning_helpers import steps
from rtuning_helpers.exercises import nb14
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
    assert surprises("14", there, first="def corner") == []
    assert list(nb14.CHECKS) == [key for key in WRONG_ANSWERS if key.startswith("14")]
