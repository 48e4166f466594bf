"""The exercises done: the solutions, and wrong answers, after the cheap notebooks themselves on a few questions."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from matplotlib import pyplot as plt
from test_notebooks import SOLUTIONS, SOURCES, code_of
from wrong_answers import WRONG_ANSWERS

from rtuning_helpers.exercises.check import verdict

LIMITS = {"01": None, "02": None}  # all questions, where 120 hold too few lucky answers or ties
SCRIPTED = (
    "05",
    "10",
    "12",
)  # wrong answers need longer tuning or a recording there: `exercises/test_nb05.py` and so on
CHECK = re.compile(r'check\("(\d\d\.\d)", (\w+)\)')


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One folder of results, so that each notebook finds what the ones before it made."""
    return tmp_path_factory.mktemp("runs")


def run_cells(notebook, limit, runs, before_check=lambda exercise, answer, there: None) -> dict:
    """Execute a notebook's code on a few questions, and give its names."""
    there = {"display": lambda shown: None, "__name__": "__main__"}
    with pd.option_context("display.max_colwidth", None), plt.rc_context():
        for cell in code_of(notebook):
            if called := CHECK.fullmatch(cell.strip()):
                before_check(called[1], called[2], there)
            exec(compile(cell, "a notebook", "exec"), there)
            if "profile = " in cell and "out = " in cell:
                there |= {"limit": limit, "out": str(runs)}
    plt.close("all")
    return there


@pytest.mark.parametrize("number", sorted(SOURCES))
def test_an_unfinished_function_stops_no_other_cell(number):
    """A cell below an exercise uses the reader's function only once `check` has called it right."""
    own = {}
    for cell in code_of(SOURCES[number]):
        if (called := CHECK.fullmatch(cell.strip())) and called[2] != "answer":
            own[called[2]] = called[1]
        else:
            used = [exercise for name, exercise in own.items() if re.search(rf"\b{name}\(", cell)]
            assert [e for e in used if f'check.is_right("{e}")' not in cell] == [], cell
    assert own


@pytest.mark.notebooks
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05", "10", "12"])
def test_exercises_can_be_done(number, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    limit = LIMITS.get(number, 120)
    run_cells(SOURCES[number], limit, runs)
    said = [line for line in capsys.readouterr().out.splitlines() if re.match(r"\d\d\.\d: ", line)]
    assert [line for line in said if "not answered yet" not in line] == []

    seen, surprises = [], []

    def refuses_what_is_wrong(exercise, answer, there):
        seen.append(exercise)
        own = verdict(there["config"], exercise, there[answer])
        if number in SCRIPTED:
            assert own == f"{exercise}: right." or own.startswith(f"{exercise}: cannot be checked here"), own
            return
        assert own == f"{exercise}: right."
        said = {w: verdict(there["config"], exercise, eval(w, there.copy())) for w, _ in WRONG_ANSWERS[exercise]}
        for wrong, part in WRONG_ANSWERS[exercise]:
            refused = said[wrong].startswith(f"{exercise}: not yet. ") and part.lower() in said[wrong].lower()
            surprises.extend([] if refused else [f"{exercise} {wrong}: {said[wrong]!r}, not {part!r}"])

    run_cells(SOLUTIONS[number], limit, runs, refuses_what_is_wrong)
    assert len(seen) == len(said)
    assert surprises == []
