"""Notebook 07's exercises on scripted refusals of made-up names, and on a model that knows the true premises."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from solution_cells import surprises

from rtuning_helpers import steps
from rtuning_helpers.data.matching import matches
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises import nb07
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.unanswerable.measure import ALWAYS_REFUSE, all_rows
from rtuning_helpers.model import answering
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED

TRUE = {q.question.split()[1]: q.question for q in load_questions("mini-falseqa", "test") if q.answerable}


def scripted(method: str, count: int = 120) -> list[Prediction]:
    """Half of the questions are about made-up things; P(sure) is lower there, and where the model knows no answer."""
    rng = np.random.default_rng(3)
    rows = []
    for k in range(count):
        answerable = k % 2 == 0
        right = bool(answerable and k % 5)
        sure = float(np.clip(0.3 + 0.2 * answerable + 0.4 * right + rng.normal(0, 0.15), 0, 1))
        known = (right, sure, sure if method == "padding" else None, sure <= 0.5 if method == "padding" else None)
        rows.append(Prediction(str(k), "mini-nec", "test", "?", "gold" * answerable, "", *known, answerable=answerable))
    return rows


def said_by(lm: None, questions: list) -> list[SimpleNamespace]:
    """The last word of the subject's true premise, which is right where the question is about that; else nonsense."""
    names = [next((word for word in re.findall(r"\w+", q.question) if word in TRUE), None) for q in questions]
    return [SimpleNamespace(text=TRUE.get(name, "Nobody").partition(",")[0].split()[-1]) for name in names]


def test_solutions_are_right_and_wrong_answers_refused(monkeypatch):
    for name in list(TRUE)[:40]:
        monkeypatch.setitem(TRUE, name, "Nobody knows, ...")  # so that something is doubted
    found = {method: scripted(method) for method in (PRETRAINED, "padding")}
    monkeypatch.setattr(nb07, "read_refusals", lambda config, method, dataset: found[method])
    monkeypatch.setattr(steps, "load_model", lambda config: None)
    monkeypatch.setattr(answering, "answer_questions", said_by)
    there = {"answers": {"NEC": found}, "config": RunConfig(), "seed": 0, "np": np, "steps": steps, "matches": matches}
    there |= {"all_rows": all_rows, "PRETRAINED": PRETRAINED, "ALWAYS_REFUSE": ALWAYS_REFUSE}
    assert surprises("07", there, first="def caught") == []


def test_the_cases_of_a_function_tell_its_mistakes_apart():
    seen = {tuple(function(*case) for case in nb07.CASES) for function, _ in [(nb07._caught, ""), *nb07.MISTAKES]}
    assert len(seen) == len(nb07.MISTAKES) + 1


@pytest.mark.parametrize(
    ("key", "answer", "reason"),
    [
        ("07.2", {"border": 0.5, "caught": 0.5}, "the untuned model knows none of these questions"),
        ("07.3", {"precision": 1, "f1": 1, "always": 1}, "there are too few questions to leave some out"),
    ],
)
def test_a_run_that_cannot_show_it(monkeypatch, key, answer, reason):
    one = [Prediction("1", "mini-nec", "test", "?", "gold", "", False, 0.5, 0.5, True)]
    monkeypatch.setattr(nb07, "read_refusals", lambda *asked: one)
    assert verdict(RunConfig(), key, answer) == f"{key}: cannot be checked here, because {reason}."
