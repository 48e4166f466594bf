"""Notebook 08's exercises on the paper's tables, the ledger, and a scripted probe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from solution_cells import surprises

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises import nb08
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.paper.ledger import read_ledger
from rtuning_helpers.paper.released_code import ReleasedCodeQuirks, answers
from rtuning_helpers.paper.tables import paper_results
from rtuning_helpers.run.profiles import RunConfig

CONFIG = RunConfig(seed=0)


def labels(lm: None, asked: list, quirks: ReleasedCodeQuirks, max_new_tokens: int = 15) -> list[bool]:
    """Every other question certain, of one token fewer; there the flag loses the last letter of each."""
    if max_new_tokens == 1:
        return [k % 3 == 0 and not quirks.drop_last_character for k, _ in enumerate(asked)]
    return [k % 2 == 0 for k, _ in enumerate(asked)]


def predicted(config: RunConfig, method: str, split: str) -> list[Prediction]:
    """Half right, ranked worse than in the ledger, so that its mean moves by more than the tolerance."""
    rng = np.random.default_rng(0)
    right = [k % 2 == 0 for k in range(200)]
    scores = [float(np.clip(0.4 + 0.2 * is_right + rng.normal(0, 0.2), 0, 1)) for is_right in right]
    rows = enumerate(zip(right, scores, strict=True))
    return [Prediction(str(k), "mini", split, "", "", "", is_right, c, c, c <= 0.5) for k, (is_right, c) in rows]


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    monkeypatch.setattr(steps, "load_model", lambda config: None)
    monkeypatch.setattr(steps, "questions", lambda config, split: list(range(400)))
    monkeypatch.setattr(steps, "read_method_predictions", predicted)
    monkeypatch.setattr(answers, "probe_labels", labels)
    there = {"config": CONFIG, "seed": 0, "np": np, "steps": steps, "Path": Path, "NONE": ReleasedCodeQuirks()}
    there |= {"paper_results": paper_results, "read_ledger": read_ledger}
    assert surprises("08", there, first="def difference_error") == []


def test_the_cases_of_a_function_tell_its_mistakes_apart():
    everything = [function for function, _ in nb08.MISTAKES] + [nb08._error]
    assert len({tuple(function(*case) for case in nb08.CASES) for function in everything}) == len(everything)


def test_a_model_that_is_not_in_the_ledger(monkeypatch):
    monkeypatch.setattr(steps, "read_method_predictions", predicted)
    said = verdict(replace(CONFIG, profile="laptop"), "08.4", 0.1)
    assert said == "08.4: cannot be checked here, because the ledger has no row of this model to stand beside."
