"""Notebook 10's exercises on scripted probes and samples."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from solution_cells import surprises

from rtuning_helpers import steps
from rtuning_helpers.data.questions import Question
from rtuning_helpers.exercises import nb10
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.labels.measure import BANDS, WELL_READ, knowledge_band, right_samples
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.probe.uncertainty import Uncertainty
from rtuning_helpers.run.profiles import RunConfig

PLACES = "Paris Oslo Rome Lima Cairo Bern".split()


@pytest.fixture
def run(monkeypatch) -> dict:
    """A run of 400 questions, half of them never read: there the model says its favourite, or whatever."""
    rng = np.random.default_rng(0)
    questions, probes, uncertainty = [], [], []
    for k in range(400):
        relation, gold, read = f"relation {k % 3}", str(rng.choice(PLACES)), bool(k % 2)

        def say(sure, said, likely=PLACES[k % 3], rng=rng):
            return said if rng.random() < sure else (likely if rng.random() < 0.5 else str(rng.choice(PLACES)))

        greedy = say(0.9, gold) if read else say(0, gold)
        answers = [say(0.97 if read else 0.7, gold if read else greedy) for _ in range(10)]
        place = (str(k), "mini", "train", f"Where was {k}?", gold, relation, 20 if read else 0)
        questions.append(Question(*place))
        probes.append(Probe(*place, greedy, greedy == gold, 0.5, 1.0))
        uncertainty.append(Uncertainty(str(k), 1.0, 1.0, answers))
    monkeypatch.setattr(steps, "read_probes", lambda config: probes)
    monkeypatch.setattr(steps, "read_uncertainty", lambda config: uncertainty)
    monkeypatch.setattr(steps, "questions", lambda config, split: questions)
    samples = right_samples(questions, [u.answers for u in uncertainty])
    there = {"config": RunConfig(), "probes": probes, "correct": [p.correct for p in probes], "samples": samples}
    there |= {"Counter": Counter, "defaultdict": defaultdict, "np": np, "truth": True}
    return there | {"WELL_READ": WELL_READ, "BANDS": BANDS, "knowledge_band": knowledge_band}


def test_solutions_are_right_and_wrong_answers_refused(run):
    assert surprises("10", run, first="def beyond_the_prior") == []


def test_the_cases_of_the_function_tell_its_mistakes_apart():
    seen = {str([wrong(*case) for case in nb10.CASES]) for wrong, _ in nb10.MISTAKES}
    right = str([nb10._beyond(*case) for case in nb10.CASES])
    assert len(seen | {right}) == len(nb10.MISTAKES) + 1


def test_favourites_of_the_cases_do_not_hang_on_their_order():
    for (probes,) in nb10.CASES:
        assert nb10._prior(probes) == nb10._prior(probes[::-1])
        assert nb10._beyond_gold_favourites(probes)[::-1] == nb10._beyond_gold_favourites(probes[::-1])


def test_a_run_that_cannot_show_it(monkeypatch):
    probes = [Probe("0", "mini", "train", "", "Rome", "", None, "Rome", True, 0.5, 1.0)]
    monkeypatch.setattr(steps, "read_probes", lambda config: probes)
    said = verdict(RunConfig(), "10.2", {"three": 0, "of": 1})
    assert said.startswith("10.2: cannot be checked here, because nobody knows the exposures"), said
