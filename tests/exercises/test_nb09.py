"""Notebook 09's exercises on scripted judgements: three models whose confidences tell something, each another thing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from solution_cells import surprises

from rtuning_helpers import metrics, steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.exercises import nb09
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.estimators.measure import LEARNED, Judged
from rtuning_helpers.model import labels
from rtuning_helpers.run.profiles import RunConfig

COUNT = 600
QUESTIONS = [Question(f"{k}", "mini", "id", f"Where was {k} born?", "Paris", "birthplace") for k in range(COUNT)]


def scripted(method: str) -> Judged:
    """Half of the answers right; the estimators are too confident, each with noise of its own."""
    rng = np.random.default_rng(len(method))
    right = rng.random(COUNT) < 0.5
    columns = {
        name: np.clip(0.3 + 0.4 * right + rng.normal(0.2, width, COUNT), 0, 1)
        for name, width in ((LEARNED, 0.25), ("answer probability", 0.35), ("self-consistency", 0.5))
    }
    said = [f"{'right' if is_right else method} {k}" for k, is_right in enumerate(right)]
    return Judged(said, right, np.arange(COUNT) % 3 == 0, columns, [], {})


def sure_of(lm: None, contexts: list[str], words: tuple[str, str]) -> np.ndarray:
    """Surer of what is right, with a noise that depends on the text."""
    noise = np.array([sum(map(ord, text)) * 0.618 % 1 for text in contexts])
    sure = 0.5 * np.array([" right " in text for text in contexts]) + 0.5 * noise
    return np.column_stack([sure, 1 - sure])


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    found = {method: scripted(method) for method in ("padding", "vanilla", "unsupervised")}

    def read_judged(config: RunConfig, method: str, split: str) -> Judged:
        return found[method]

    monkeypatch.setattr(nb09, "read_judged", read_judged)
    monkeypatch.setattr(steps, "fitted", lambda config, split: SimpleNamespace(questions=QUESTIONS))
    monkeypatch.setattr(steps, "load_model", lambda config, method: None)
    monkeypatch.setattr(labels, "label_probabilities", sure_of)
    there = {
        "config": RunConfig(),
        "np": np,
        "metrics": metrics,
        "steps": steps,
        "prompts": prompts,
        "LEARNED": LEARNED,
    }
    there |= {"judged": {"id": found["padding"]}, "read_judged": read_judged}
    assert surprises("09", there, first="def calibration_error") == []


def test_the_cases_of_a_function_tell_its_mistakes_apart():
    everything = [function for function, _ in nb09.MISTAKES] + [nb09._error]
    assert len({tuple(function(*case) for case in nb09.CASES) for function in everything}) == len(everything)


def test_fifty_answers_of_one_kind(monkeypatch):
    right = Judged(["x"] * 60, np.full(60, True), np.full(60, True), {LEARNED: np.full(60, 0.5)}, [], {})
    monkeypatch.setattr(nb09, "read_judged", lambda *asked: right)
    said = verdict(RunConfig(), "09.2", {"temperature": 0.1, "platt": 0.1, "isotonic": 0.1})
    reason = "the first 50 held-out answers are all right or all wrong"
    assert said == f"09.2: cannot be checked here, because {reason}."
