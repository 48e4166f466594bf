"""The exercises done: the key lines of the cheap notebooks, run after the notebook itself on a few questions."""

from __future__ import annotations

import ast

import pandas as pd
import pytest
from exercises import KEY_LINES
from matplotlib import pyplot as plt
from test_notebooks import SOURCES, code_of

LIMIT = 40


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One folder of results, so that each notebook finds what the ones before it made."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.notebooks
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05", "10", "12"])
def test_exercises_can_be_done(number, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    there = {"display": lambda shown: None, "__name__": "__main__"}
    with pd.option_context("display.max_colwidth", None), plt.rc_context():
        for cell in code_of(SOURCES[number]):
            exec(compile(cell, f"notebook {number}", "exec"), there)
            if "profile = " in cell and "out = " in cell:
                there |= {"limit": LIMIT, "out": str(runs)}
        for key, lines in KEY_LINES.items():
            if key.startswith(number):
                exec(compile(ast.parse(lines), f"exercise {key}", "exec"), there.copy())
    plt.close("all")
