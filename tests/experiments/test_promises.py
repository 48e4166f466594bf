"""Thresholds with a promise: the rules by hand, what they do to a world, shifts and weights."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.experiments.promises import measure as promises
from rtuning_helpers.experiments.promises.measure import HERE, KNOWN, RULES, THERE, Limits, outcomes, world
from rtuning_helpers.experiments.real_models.measure import packed
from rtuning_helpers.experiments.smollm2.recording import RECORDING as SMOLLM2

FEW = Limits(max_risk=0.25, delta=0.2, min_answers=5)
BY_NAME = {rule.name: rule for rule in RULES}


def some(n=400, seed=0):
    """A world whose confidences are what they say."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(n)
    return world(rng.random(n) < confidence, confidence, exposure=np.arange(n) % 8)


def test_outcomes_by_hand():
    found = world([1, 0, 1, 0], [0.9, 0.8, 0.4, 0.2])
    seen = asdict(outcomes(found, [0.2, 0.4, 0.41, 0.8, 1.0, np.nan]))
    assert seen["coverage"].tolist() == [1, 0.75, 0.5, 0.5, 0, 0]
    assert seen["risk"].tolist() == pytest.approx([0.5, 1 / 3, 0.5, 0.5, 0, 0])
    assert seen["wrong"].tolist() == [0.5, 0.25, 0.25, 0.25, 0, 0]
    assert seen["errors"].tolist() == [1, 0.5, 0.5, 0.5, 0, 0]
    tilted = found.tilted(np.array([1, 1, 1, 3]))
    assert tilted.asked.tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert outcomes(tilted, [0.4]).coverage == pytest.approx(0.5)


def test_rules_on_one_sample():
    right = np.array([1.0] * 40 + [0] * 6 + [1] * 14 + [0] * 40)
    score = np.linspace(1, 0.01, 100)
    chosen = {rule.name: rule.threshold(right, score, FEW) for rule in RULES}
    assert np.mean(score >= chosen["by eye"]) == pytest.approx(0.72)  # 54 right, 18 wrong
    bound = [k for k in range(1, 101) if promises.metrics.risk_is_low(k - right[:k].sum(), k, 0.25, 0.2)]
    assert np.mean(score >= chosen["best bound"]) == pytest.approx(max(bound) / 100)
    assert chosen["Bonferroni"] in promises.BORDERS and chosen["Bonferroni"] >= chosen["best bound"]
    assert chosen["fixed sequence"] == chosen["best bound"]  # no test fails on the way
    assert np.sum((score >= chosen["conformal"]) * (1 - right)) == 24  # (24 + 1) / 101
    assert np.isnan([rule.threshold(1 - right[:3], score[:3], FEW) for rule in RULES[1:]]).all()


def test_a_rule_that_goes_too_low_is_seen():
    found, broken = some(), {}
    for name in ("by eye", "fixed sequence"):
        row = promises.kept(BY_NAME[name], promises.drawn_thresholds(BY_NAME[name], found, 200, FEW, 200), found, FEW)
        assert row["low"] <= row["value"] <= row["high"] and row["limit"] == 0.2
        broken[name] = row["value"], row["holds"]
    assert broken["by eye"][0] > 0.35 and not broken["by eye"][1]
    assert broken["fixed sequence"][0] < 0.2 and broken["fixed sequence"][1]
    rule = BY_NAME["conformal"]
    row = promises.kept(rule, promises.drawn_thresholds(rule, found, 200, FEW, 200), found, FEW)
    assert row["limit"] == 0.25 and row["holds"] and 0.2 < row["value"] < 0.26


def test_known_weights_win_back_what_a_shift_breaks():
    """Questions of which half are right less often than their confidence says are asked nine times as often."""
    rng = np.random.default_rng(0)
    confidence, hard = rng.random(1000), np.arange(1000) % 2
    source = world(rng.random(1000) < np.where(hard, confidence**4, confidence), confidence)
    weights = np.where(hard, 9.0, 1.0)
    rows = promises.under_shift(source, source.tilted(weights), 400, FEW, 100, known=weights)
    value = {(row["rule"], row["chosen"]): row["value"] for row in rows}
    assert value["fixed sequence", HERE] > 0.6
    assert max(value["fixed sequence", KNOWN], value["fixed sequence", THERE]) < 0.25
    assert value["conformal", HERE] > 0.25 > value["conformal", KNOWN] - 0.01


def test_weights_by_confidence_by_hand():
    here, there = np.array([0.05] * 6 + [1.0] * 2), np.array([0.0] * 2 + [0.95] * 6)
    weights = promises.confidence_weights(here, there)
    assert weights.tolist() == pytest.approx([3 / 7] * 6 + [7 / 3] * 2)
    assert promises.confidence_weights(here, here) == pytest.approx(np.ones(8))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_draws_are_repeatable(rule):
    one, other = (promises.drawn_thresholds(rule, some(), 200, FEW, 8, seed=s) for s in (1, 2))
    assert np.array_equal(one, promises.drawn_thresholds(rule, some(), 200, FEW, 8, seed=1), equal_nan=True)
    assert not np.array_equal(one, other, equal_nan=True)


def test_predictions_and_what_is_recorded_of_them_are_one_world():
    rows = [(True, 0.9, 0.7, 3), (False, 0.4, 0.2, 0), (True, 0.25, 0.5, 1)]
    found = [
        Prediction(str(i), "mini", "id", "q", "a", "p", right, answer, sure, sure <= 0.5, exposure=read)
        for i, (right, answer, sure, read) in enumerate(rows)
    ]
    own = promises.world_of(found)
    again = promises.recorded_world(packed(found) | {"exposure": [p.exposure for p in found]})
    assert own.confidence.tolist() == pytest.approx([0.8, 0.3, 0.375])
    assert again.confidence == pytest.approx(own.confidence) and (again.correct == own.correct).all()
    assert own.exposure.tolist() == again.exposure.tolist() == [3, 0, 1]
    silent = promises.world_of([replace(p, sure_confidence=None, exposure=None) for p in found])
    assert silent.confidence.tolist() == [0.9, 0.4, 0.25] and silent.exposure is None


def test_one_number_of_the_notebook_comes_out_again():
    """SmolLM2, seed 0, in-domain, at most 20 %: by eye half of the samples are too optimistic, by the sequence few."""
    rows = SMOLLM2.content()["predictions"]
    row = next(r for r in rows if (r["seed"], r["method"], r["split"]) == (0, "padding", "id"))
    found, limits = promises.recorded_world(row), Limits(0.2, 0.1, 30)
    assert len(found.correct) == 600 and found.exposure is None
    share = {
        rule.name: promises.kept(rule, promises.drawn_thresholds(rule, found, 500, limits, 300), found, limits)
        for rule in (BY_NAME["by eye"], BY_NAME["fixed sequence"])
    }
    assert share["by eye"]["low"] > 0.3
    assert share["fixed sequence"]["holds"]
