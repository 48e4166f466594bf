"""Conformal risk control, FactTest's control of Type-I errors, and samples thinned to look like others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from rtuning_helpers.metrics import average_risk_threshold, risk_is_low, thinned, wrong_answer_threshold


def test_average_risk_by_hand():
    # Nine questions and one imagined wrong one: at 0.3 three of ten may be wrong, so two of the sample
    right = [1, 0, 1, 0, 1, 0, 1, 1, 1]
    confidence = np.arange(9, 0, -1) / 10
    assert average_risk_threshold(right, confidence, 0.3) == 0.5  # the third wrong one has 0.4
    assert average_risk_threshold(right, confidence, 0.1) == 0.9  # none may be wrong, the first wrong one has 0.8
    assert math.isnan(average_risk_threshold(right, confidence, 0.09))  # the imagined one alone is a tenth
    assert math.isnan(average_risk_threshold([], [], 0.5))


def test_average_risk_answers_equal_confidences_together():
    assert math.isnan(average_risk_threshold([1] * 5 + [0] * 5, [0.5] * 10, 0.4))
    assert average_risk_threshold([1] * 5 + [0] * 5, [0.5] * 10, 0.6) == 0.5


def test_equal_weights_change_nothing_and_others_by_hand():
    right, confidence = [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6]
    assert average_risk_threshold(right, confidence, 0.4, [2] * 4) == average_risk_threshold(right, confidence, 0.4)
    # Weights 1, 3, 1, 1 and 3 for the new one: (wrong + 3) / 9 is 1/3 above 0.8, 6/9 from there on
    assert average_risk_threshold(right, confidence, 0.4, [1, 3, 1, 1]) == 0.9
    assert average_risk_threshold(right, confidence, 0.7, [1, 3, 1, 1]) == 0.7
    assert math.isnan(average_risk_threshold(right, confidence, 0.3, [1, 3, 1, 1]))


def test_wrong_answers_by_hand():
    # 22 wrong ones are the fewest of which all may be below: 0.9^22 is 0.098
    confidence = np.linspace(0.1, 0.9, 22)
    found = wrong_answer_threshold([0] * 22, confidence, 0.1, 0.1)
    assert found > 0.9 and found == pytest.approx(0.9)
    assert math.isnan(wrong_answer_threshold([0] * 21, confidence[:21], 0.1, 0.1))
    assert math.isnan(wrong_answer_threshold([1] * 50, [0.5] * 50, 0.1, 0.1))
    assert math.isnan(wrong_answer_threshold([0] * 50, [1.0] * 50, 0.1, 0.1))  # nothing is above


def test_right_answers_do_not_move_the_border_of_the_wrong_ones():
    rng = np.random.default_rng(0)
    wrong, right = rng.random(100), rng.random(40)
    alone = wrong_answer_threshold([0] * 100, wrong, 0.2, 0.1)
    assert wrong_answer_threshold([0] * 100 + [1] * 40, [*wrong, *right], 0.2, 0.1) == alone
    k = next(k for k in range(1, 101) if sum(binom.pmf(range(k, 101), 100, 0.8)) <= 0.1)
    assert alone == np.nextafter(np.sort(wrong)[k - 1], 2)


def test_both_keep_their_promises():
    rng = np.random.default_rng(1)
    shares, errors = [], []
    for _ in range(400):
        confidence = rng.random(100)
        right = rng.random(100) < confidence  # so that 1 - t^2 of the right ones lie above t, (1 - t)^2 of the wrong
        t = average_risk_threshold(right, confidence, 0.1)
        shares.append((1 - t) ** 2 / 2)
        errors.append((1 - wrong_answer_threshold(right, confidence, 0.2, 0.1)) ** 2)
    assert 0.085 < np.mean(shares) < 0.1 + 2 * np.std(shares) / 20
    assert 0.02 < np.mean(np.array(errors) > 0.2) < 0.1 + 3 * 0.015  # standard deviation sqrt(0.1 x 0.9 / 400)


def test_thinning_keeps_in_proportion():
    weights = np.repeat([0, 1, 4], 4000)
    kept = thinned(weights, seed=3)
    shares = kept.reshape(3, -1).mean(axis=1)
    assert shares[0] == 0 and shares[2] == 1
    assert shares[1] == pytest.approx(0.25, abs=0.03)
    assert (kept == thinned(2 * weights, seed=3)).all() and (kept != thinned(weights, seed=4)).any()


def test_a_low_risk_is_one_whose_bound_is_low():
    assert risk_is_low([0, 0, 3, 3], [22, 21, 64, 65], 0.1, 0.1).tolist() == [True, False, False, True]
    assert not risk_is_low(0, 0, 0.1, 0.1)
    assert not risk_is_low(5, 5, 0.9, 0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average_risk_threshold([1], [0.5], 1), "max_risk is 1; expected a number between 0 and 1"),
        (lambda: average_risk_threshold([1], [0.5], 0.5, [-1]), "weights holds a negative number"),
        (lambda: average_risk_threshold([1, 0], [0.5], 0.5), "confidence has 1 rows, correct 2"),
        (lambda: wrong_answer_threshold([1], [0.5], 0, 0.1), "max_rate is 0"),
        (lambda: wrong_answer_threshold([1], [0.5], 0.1, 1), "delta is 1"),
        (lambda: wrong_answer_threshold([2], [0.5], 0.1), "correct is 2.0 in row 1"),
        (lambda: thinned([0, 0]), "weights holds a negative number, NaN, infinity or nothing above 0"),
        (lambda: thinned([1, float("nan")]), "expected density ratios"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
