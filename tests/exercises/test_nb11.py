"""Notebook 11's exercises on scripted sightings, with a tuning that only says what it would have been given."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from solution_cells import surprises

from rtuning_helpers import steps
from rtuning_helpers.data.questions import Question
from rtuning_helpers.exercises import nb11
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.drift import measure
from rtuning_helpers.experiments.drift.measure import Sighting
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.padding import build_padding

MOMENTS = (0, 3, 12, 25, 50, 75, 100)


def scripted(moments: tuple[int, ...] = MOMENTS) -> list[Sighting]:
    """Questions of D1 and D0 of which tuning teaches those that it shows, and of which P(sure) becomes yes or no."""
    rng = np.random.default_rng(0)
    seen = []
    for k in range(300):
        split, certain = "id" if k % 3 == 0 else "train", k % 2 == 0
        learnt = rng.random()
        for place, step in enumerate(moments):
            taught = place / len(moments) > learnt if split == "train" else rng.random() < 0.1
            right = certain == (rng.random() < 0.9) if step and not taught else certain or (bool(step) and taught)
            pull = place / (len(moments) - 1) * (1 if certain else -1)
            sure = float(np.clip(0.5 + 0.48 * pull + rng.normal(0, 0.1), 0, 1))
            seen.append(Sighting(step, str(k), split, certain, 1, bool(right), sure <= 0.5, 0.5, 1.0, sure))
    return seen


@pytest.fixture
def run(monkeypatch) -> dict:
    sightings = scripted()
    monkeypatch.setattr(measure, "read_sightings", lambda config, arm: sightings)
    frame = pd.DataFrame([vars(s) for s in sightings])
    frame["set"], frame["place"] = frame.certain.map({True: "D1", False: "D0"}), frame.split
    config = RunConfig()
    place = ("mini", "train", "Where?", "Rome", "born", 0)
    probes = [Probe(str(k), *place, "Rome" if k % 2 else "Oslo", bool(k % 2), 0.5, 1.0) for k in range(100)]
    questions = [Question(str(k), *place) for k in range(100)]
    monkeypatch.setattr(steps, "read_probes", lambda config: probes)
    monkeypatch.setattr(steps, "read_tuning_records", lambda config, method: build_padding(probes, questions))
    monkeypatch.setattr(steps, "fitted", lambda config, split: SimpleNamespace(questions=questions))
    monkeypatch.setattr(steps, "load_tuned", lambda config, folder: None)
    shown = []

    def finetune(records, settings, folder, **how):
        assert settings.epochs == 2
        shown.extend(record.completion for record in records)

    def answers(lm, asked):
        """What was shown, but for a tenth."""
        texts = [shown[int(q.id)].split(".")[0].strip() for q in asked]
        return [SimpleNamespace(text="Bern" if k % 10 == 0 else text) for k, text in enumerate(texts)]

    there = {"config": config, "frame": frame, "np": np, "pd": pd, "plt": plt, "steps": steps, "seed": 0}
    there |= {"replace": replace, "tempfile": tempfile, "Path": Path}
    return there | {"finetune": finetune, "answer_questions": answers}


def test_solutions_are_right_and_wrong_answers_refused(run, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    assert surprises("11", run, first="def turns") == []


def test_the_cases_of_the_function_tell_its_mistakes_apart():
    seen = {str([wrong(*case) for case in nb11.CASES]) for wrong, _ in nb11.MISTAKES}
    right = str([nb11._turns(*case) for case in nb11.CASES])
    assert len(seen | {right}) == len(nb11.MISTAKES) + 1


@pytest.mark.parametrize(
    ("key", "answer"), [("11.3", {"stale": 0, "rate": 1, "willing": 1}), ("11.4", {"right": 0, "own": 1})]
)
def test_a_run_that_cannot_show_it(monkeypatch, key, answer):
    monkeypatch.setattr(measure, "read_sightings", lambda config, arm: scripted((0, 1, 2)))
    said = verdict(RunConfig(), key, answer)
    assert said.startswith(f"{key}: cannot be checked here, because the tuning of this run is too short"), said
