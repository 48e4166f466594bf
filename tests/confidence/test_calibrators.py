"""Post-hoc calibration: known maps are recovered, rankings survive, bad rows are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression

from rtuning_helpers.confidence.calibrators import CALIBRATORS, calibrate, fit_isotonic, fit_platt, fit_temperature
from rtuning_helpers.metrics import ece


def overconfident(n=4000, slope=3.0, shift=0.0, seed=0):
    """Answers whose true log-odds are (log-odds of the confidence - shift) / slope."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 3, n)
    right = rng.random(n) < 1 / (1 + np.exp(-(odds - shift) / slope))
    return 1 / (1 + np.exp(-odds)), right.astype(float), 1 / (1 + np.exp(-(odds - shift) / slope))


def test_temperature_recovers_the_factor():
    score, right, true = overconfident(slope=3.0)
    assert fit_temperature(score, right)(score) == pytest.approx(true, abs=0.03)
    assert fit_temperature(score, right)([0.5])[0] == 0.5


def test_platt_recovers_slope_and_shift():
    score, right, true = overconfident(slope=2.0, shift=1.5)
    assert fit_platt(score, right)(score) == pytest.approx(true, abs=0.04)
    shifted = fit_temperature(score, right)(score)
    assert np.abs(shifted - true).max() > 0.1  # which one factor alone cannot do


def test_isotonic_is_the_pooled_mean_by_hand():
    # sorted by confidence the labels are 0 1 0 1: the middle two are pooled to one half
    found = fit_isotonic([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1])([0.1, 0.4, 0.6, 0.9])
    assert found.tolist() == [0, 0.5, 0.5, 1]
    score, right, _ = overconfident(n=300)
    order = np.argsort(score)
    assert fit_isotonic(score, right)(score)[order] == pytest.approx(isotonic_regression(right[order]))


def test_platts_targets_by_hand():
    # two separable rows: the targets are 2/3 and 1/3, so the curve passes through them and does not run away
    found = fit_platt([0.2, 0.8], [0, 1])([0.2, 0.8])
    assert found == pytest.approx([1 / 3, 2 / 3], abs=1e-3)


@pytest.mark.parametrize("method", CALIBRATORS)
def test_calibration_lowers_the_error_on_other_rows(method):
    score, right, _ = overconfident(seed=1)
    fresh, fresh_right, _ = overconfident(seed=2)
    before = ece(fresh_right, fresh)
    after = ece(fresh_right, calibrate(fresh, score, right, method))
    assert before > 0.1
    assert after < 0.05


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=30))
def test_rankings_survive_and_probabilities_are_probabilities(rows):
    score = np.array([s for s, _ in rows] + [0.2, 0.8])
    right = np.array([r for _, r in rows] + [False, True], dtype=float)
    order = np.argsort(score, kind="stable")
    for fit in (fit_temperature, fit_isotonic):
        found = fit(score, right)(score)
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found[order]) >= -1e-12).all()


def test_what_could_not_be_parsed_stays_out():
    found = calibrate([0.2, np.nan, 0.9], [0.1, np.nan, 0.9, 0.8], [0, 1, 1, 1], "isotonic")
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[2] == 1
    assert np.isnan(calibrate([np.nan], [0.1, 0.9], [0, 1])).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5], [0.5], [1], "beta"), "method is 'beta'; expected one of temperature, platt, isotonic"),
        (([0.5], [0.5, 0.6], [1]), "held_out has 2 rows, held_out_correct 1"),
        (([0.5], [], []), "confidence is empty"),
        (([0.5], [np.nan], [1]), "confidence is empty"),
        (([0.5], [0.5, 1.5], [1, 0]), "confidence is 1.5 in row 2"),
        (([1.5], [0.5, 0.6], [1, 0]), "confidence is 1.5 in row 1"),
        (([0.5], [0.5, 0.6], [1, 2]), "correct is 2.0 in row 2; expected 0 or 1"),
        (([0.5], [0.5, 0.6], [1, 1]), "correct holds one class only"),
    ],
)
def test_bad_rows_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        calibrate(*arguments)


def test_one_class_is_no_error_where_a_fit_exists():
    assert fit_isotonic([0.2, 0.9], [1, 1])([0.1, 0.5]).tolist() == [1, 1]
    assert fit_temperature([0.2, 0.9], [1, 1])([0.5])[0] == 0.5
