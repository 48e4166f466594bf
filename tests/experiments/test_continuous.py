"""Percent against P(sure): columns, scores and rewards by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rtuning_helpers import metrics
from rtuning_helpers.experiments.continuous import measure as continuous
from rtuning_helpers.experiments.continuous.measure import METHODS
from rtuning_helpers.experiments.estimators.measure import held_out_rows
from rtuning_helpers.experiments.real_models.measure import bits, rounded


def recorded(n=270, seed=0):
    """Rows as the recording has them: models that are right about every second time and far too sure."""
    rng, rows = np.random.default_rng(seed), []
    for method in METHODS:
        for split in ("id", "ood"):
            right = rng.random(n) < 0.5
            stated = np.clip(0.75 + 0.2 * right + rng.normal(0, 0.1, n), 0, 1)
            row = {"seed": 0, "method": method, "split": split, "correct": bits(right), "answer": rounded(stated)}
            rows.append(row | {"sure": rounded(stated), "refused": bits(stated < 0.5)})
    return rows


def test_nothing_held_out_is_scored_and_platt_helps():
    rows = recorded()
    inside, outside = (continuous.scored_columns(rows, 0, split) for split in ("id", "ood"))
    held = held_out_rows(270)
    assert all(len(right) == (~held).sum() for right, _ in inside.values())
    assert all(len(right) == 270 for right, _ in outside.values())
    row = next(r for r in rows if (r["method"], r["split"]) == ("confidence", "id"))
    assert inside["percent, text"][1] == pytest.approx(np.array(row["sure"])[~held])
    for columns in (inside, outside):
        scores = {r["series"]: r for r in continuous.score(columns, resamples=50)}
        assert len(scores) == 8
        assert scores["P(sure), Platt"]["ece"] < 0.5 * scores["P(sure)"]["ece"]
        assert scores["P(sure)"]["ece"] == pytest.approx(metrics.ece(*columns["P(sure)"]))


def test_differences_are_paired():
    columns = continuous.scored_columns(recorded(), 0, "ood")
    rows = {r["series"]: r for r in continuous.differences(columns, "P(sure), Platt")}
    assert "P(sure), Platt" not in rows and rows["P(sure)"]["low"] > 0
    gap = metrics.ece(*columns["P(sure)"]) - metrics.ece(*columns["P(sure), Platt"])
    assert rows["P(sure)"]["difference"] == pytest.approx(gap)


def test_answers_of_one_kind_get_no_curve():
    rows = [r | {"correct": "1" * 270} for r in recorded()]
    assert list(continuous.scored_columns(rows, 0, "id")) == list(continuous.SERIES)


def test_only_a_proper_reward_pays_honesty():
    stated = np.linspace(0, 1, 101)
    for truth in (0.3, 0.7):
        brier, linear = (
            truth * reward(np.ones(101), stated) + (1 - truth) * reward(np.zeros(101), stated)
            for reward in (continuous.brier_reward, continuous.linear_reward)
        )
        assert stated[brier.argmax()] == pytest.approx(truth)
        assert stated[linear.argmax()] == round(truth)
    assert continuous.brier_reward([1, 0], np.array([0.7, 0.7])) == pytest.approx([0.91, 0.51])


def test_a_target_pays_whoever_is_surer():
    earned = continuous.target_reward(np.array([1, 0, 1, 0]), np.array([True, True, False, False]), 0.75)
    assert earned.tolist() == [1, -3, 0, 0]
    assert 0.8 * 1 - 0.2 * 3 > 0 > 0.7 * 1 - 0.3 * 3
