"""Ranking metrics: lift of the average precision, areas under risk curves, risk at a coverage and its inverse."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from test_metrics import columns, rows, sample

from rtuning_helpers.metrics import (
    accuracy,
    ap_lift,
    ap_lift_normalised,
    ap_no_skill,
    augrc,
    aurc,
    bootstrap_interval,
    coverage_at_risk,
    e_aurc,
    risk_at_coverage,
    risk_coverage,
)

AREAS = (aurc, e_aurc, augrc)
METRICS = (
    *AREAS,
    ap_lift,
    ap_lift_normalised,
    partial(risk_at_coverage, coverage=0.4),
    partial(coverage_at_risk, risk=0.3),
)

# The most confident answer is wrong. Its risks at k = 1..4: 1, 1/2, 1/3, 1/2
RIGHT, CONFIDENCE = [0, 1, 1, 0], [0.9, 0.8, 0.7, 0.1]
# One right, then a tie of one right and two wrong. Its expected risks: 0, (2/3)/2, (4/3)/3, 2/4
TIED_RIGHT, TIED_CONFIDENCE = [1, 1, 0, 0], [0.9, 0.5, 0.5, 0.5]


# --- hand-computed cases ---


def test_ap_lift_by_hand():
    # right, wrong, right: AP = 1/2 x 1 + 1/2 x 2/3 = 5/6, accuracy 2/3: lift 1/6 of at most 1/3
    assert ap_no_skill([1, 0, 1]) == pytest.approx(2 / 3)
    assert ap_lift([1, 0, 1], [0.9, 0.8, 0.7]) == pytest.approx(1 / 6)
    assert ap_lift_normalised([1, 0, 1], [0.9, 0.8, 0.7]) == pytest.approx(1 / 2)


def test_ap_lift_of_a_reversed_ranking_is_negative():
    # wrong, wrong, right, right: AP = 1/2 x 1/3 + 1/2 x 2/4 = 5/12, accuracy 1/2: lift -1/12 of at most 1/2
    assert ap_lift([0, 0, 1, 1], [0.9, 0.8, 0.7, 0.6]) == pytest.approx(-1 / 12)
    assert ap_lift_normalised([0, 0, 1, 1], [0.9, 0.8, 0.7, 0.6]) == pytest.approx(-1 / 6)


def test_aurc_by_hand():
    assert aurc(RIGHT, CONFIDENCE) == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_e_aurc_by_hand():
    # the oracle's risks are 0, 0, 1/3, 2/4
    assert e_aurc(RIGHT, CONFIDENCE) == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 2 - 1 / 3 - 2 / 4) / 4)


def test_augrc_by_hand():
    # errors given / n at coverages 0, 1/4, .., 1: 0, 1/4, 1/4, 1/4, 1/2; four trapezoids of width 1/4
    assert augrc(RIGHT, CONFIDENCE) == pytest.approx((1 / 8 + 1 / 4 + 1 / 4 + 3 / 8) / 4)


def test_areas_with_ties_by_hand():
    assert aurc(TIED_RIGHT, TIED_CONFIDENCE) == pytest.approx((0 + 1 / 3 + 4 / 9 + 1 / 2) / 4)
    # the oracle's risks are 0, 0, 1/3, 2/4
    assert e_aurc(TIED_RIGHT, TIED_CONFIDENCE) == pytest.approx((0 + 1 / 3 + 4 / 9 + 1 / 2 - 1 / 3 - 1 / 2) / 4)
    # (0, 0), (1/4, 0), then straight to (1, 1/2): a triangle
    assert augrc(TIED_RIGHT, TIED_CONFIDENCE) == pytest.approx(3 / 4 * 1 / 2 / 2)


@pytest.mark.parametrize(("coverage", "risk"), [(0.01, 1), (0.25, 1), (0.5, 1 / 2), (0.51, 1 / 3), (1, 1 / 2)])
def test_risk_at_coverage_by_hand(coverage, risk):
    assert risk_at_coverage(RIGHT, CONFIDENCE, coverage=coverage) == pytest.approx(risk)


def test_risk_at_coverage_inside_a_tie_is_expected():
    assert risk_at_coverage(TIED_RIGHT, TIED_CONFIDENCE, coverage=0.5) == pytest.approx(1 / 3)
    assert risk_at_coverage(TIED_RIGHT, TIED_CONFIDENCE, coverage=0.75) == pytest.approx(4 / 9)


def test_risk_at_coverage_does_not_fall_for_a_rounding_error():
    assert 0.07 * 100 > 7
    right = [1] * 7 + [0] * 93
    assert risk_at_coverage(right, np.linspace(1, 0, 100), coverage=0.07) == 0  # the eighth would make it 1/8


@pytest.mark.parametrize(("risk", "coverage"), [(0.34, 3 / 4), (0.49, 3 / 4), (0.5, 1), (1, 1), (1 / 3, 3 / 4)])
def test_coverage_at_risk_by_hand(risk, coverage):
    assert coverage_at_risk(RIGHT, CONFIDENCE, risk=risk) == pytest.approx(coverage)


@pytest.mark.parametrize(("risk", "coverage"), [(0, 1 / 4), (0.35, 2 / 4), (0.45, 3 / 4), (0.5, 1)])
def test_coverage_at_risk_may_lie_inside_a_tie(risk, coverage):
    assert coverage_at_risk(TIED_RIGHT, TIED_CONFIDENCE, risk=risk) == pytest.approx(coverage)


def test_coverage_at_risk_is_the_largest_also_where_the_risk_rose_before():
    # risks 0, 1/2, 1/3, 1/4, 1/5: above 0.2 from the second answer to the fourth
    assert coverage_at_risk([1, 0, 1, 1, 1], [0.9, 0.8, 0.7, 0.6, 0.5], risk=0.2) == 1


# --- the traps ---


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_equal_confidences_have_no_skill(confidence):
    right, same = [1, 0, 0, 1, 0], [confidence] * 5
    assert ap_lift(right, same) == ap_lift_normalised(right, same) == 0
    assert aurc(right, same) == pytest.approx(0.6)
    assert e_aurc(right, same) > 0.2
    assert augrc(right, same) == pytest.approx(0.3)
    assert risk_at_coverage(right, same, coverage=0.2) == pytest.approx(0.6)
    assert math.isnan(coverage_at_risk(right, same, risk=0.59))
    assert coverage_at_risk(right, same, risk=0.6) == 1


def test_a_perfect_ranking():
    right, confidence = [1, 1, 0, 0], [1.0, 0.9, 0.2, 0.0]
    assert (ap_lift(right, confidence), ap_lift_normalised(right, confidence)) == (0.5, 1)
    assert e_aurc(right, confidence) == pytest.approx(0, abs=1e-12)
    assert augrc(right, confidence) == pytest.approx(0.5**2 / 2)
    assert (risk_at_coverage(right, confidence, coverage=0.5), coverage_at_risk(right, confidence, risk=0)) == (0, 0.5)


def test_all_right_and_all_wrong():
    confidence = [0.2, 0.9, 0.9]
    assert [metric([1, 1, 1], confidence) for metric in AREAS] == [0, 0, 0]
    assert [metric([0, 0, 0], confidence) for metric in AREAS] == [1, 0, 0.5]
    assert (ap_no_skill([1, 1, 1]), ap_lift([1, 1, 1], confidence)) == (1, 0)
    assert math.isnan(ap_lift_normalised([1, 1, 1], confidence))
    assert math.isnan(ap_no_skill([0, 0, 0]))
    assert math.isnan(ap_lift([0, 0, 0], confidence))
    assert math.isnan(coverage_at_risk([0, 0, 0], confidence, risk=0.99))


def test_nothing_to_rank_is_nan():
    assert math.isnan(ap_no_skill([]))
    for metric in METRICS:
        assert math.isnan(metric([], []))
        assert math.isnan(metric([1, 0], [0.5, 0.1], [0, 0]))
        assert np.isnan(metric([1, 0], [0.5, 0.1], [[0, 0], [3, 2]])).tolist()[0]


# --- properties ---


@given(rows)
def test_areas_lie_between_the_oracle_and_the_worst_ranking(drawn):
    right, confidence, _ = columns(drawn)
    for metric, highest in zip(AREAS, (1, 1, 0.5), strict=True):
        best, worst = metric(right, right), metric(right, 1 - right)
        assert -1e-12 <= best <= metric(right, confidence) + 1e-12
        assert metric(right, confidence) <= worst + 1e-12 <= highest + 2e-12
    assert e_aurc(right, right) == pytest.approx(0, abs=1e-12)


@given(rows)
def test_lifts_lie_in_their_ranges(drawn):
    right, confidence, _ = columns(drawn)
    assume(0 < right.sum() < len(right))
    share = accuracy(right)
    assert -share < ap_lift(right, confidence) <= 1 - share + 1e-12
    assert -share / (1 - share) < ap_lift_normalised(right, confidence) <= 1 + 1e-12


@given(rows)
def test_aurc_is_the_mean_of_the_risk_coverage_curve(drawn):
    right, confidence, _ = columns(drawn)
    assert aurc(right, confidence) == pytest.approx(risk_coverage(right, confidence)[1].mean())


@given(rows)
def test_augrc_follows_from_the_auroc(drawn):
    right, confidence, _ = columns(drawn)
    assume(0 < right.sum() < len(right))
    error = 1 - right.mean()
    expected = (1 - roc_auc_score(right, confidence)) * error * (1 - error) + error**2 / 2
    assert augrc(right, confidence) == pytest.approx(expected)


@given(rows, st.integers(1, 100))
def test_risk_at_coverage_reads_the_curve(drawn, percent):
    right, confidence, _ = columns(drawn)
    k = -(-percent * len(right) // 100)  # rounded up, in whole numbers
    expected = risk_coverage(right, confidence)[1][k - 1]
    assert risk_at_coverage(right, confidence, coverage=percent / 100) == pytest.approx(expected)


@given(rows, st.integers(0, 20))
def test_coverage_at_risk_reads_the_curve(drawn, twentieths):
    right, confidence, _ = columns(drawn)
    coverage, risks = risk_coverage(right, confidence)
    good = coverage[risks <= twentieths / 20 + 1e-12]
    found = coverage_at_risk(right, confidence, risk=twentieths / 20)
    assert found == pytest.approx(good.max() if len(good) else math.nan, nan_ok=True)


@given(rows)
def test_lift_against_scikit_learn(drawn):
    right, confidence, weights = columns(drawn)
    assume((right * weights).sum() > 0)
    expected = average_precision_score(right, confidence, sample_weight=weights) - np.average(right, weights=weights)
    assert ap_lift(right, confidence, weights) == pytest.approx(expected)


@given(rows)
def test_integer_weights_are_repetitions(drawn):
    right, confidence, weights = columns(drawn)
    for metric in METRICS:
        repeated = metric(np.repeat(right, weights), np.repeat(confidence, weights))
        assert metric(right, confidence, weights) == pytest.approx(repeated, nan_ok=True, abs=1e-12)
    assert ap_no_skill(right, weights) == pytest.approx(ap_no_skill(np.repeat(right, weights)), nan_ok=True)


@given(rows, st.randoms())
def test_the_order_of_the_rows_does_not_matter(drawn, random):
    shuffled = random.sample(drawn, len(drawn))
    (right, confidence, _), (right_2, confidence_2, _) = columns(drawn), columns(shuffled)
    for metric in METRICS:
        assert metric(right, confidence) == pytest.approx(metric(right_2, confidence_2), nan_ok=True, abs=1e-12)


def test_aurc_is_the_mean_over_all_orders_of_the_ties():
    right, confidence = np.array([1, 0, 0, 1, 0]), np.array([0.5, 0.5, 0.5, 0.5, 0.1])
    without_ties = np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    orders = [[*order, 4] for order in itertools.permutations(range(4))]
    for metric in (aurc, augrc):
        mean = np.mean([metric(right[order], without_ties) for order in orders])
        assert metric(right, confidence) == pytest.approx(mean)


def test_the_oracle_nears_its_limit_from_above():
    # e + (1 - e) ln(1 - e) of Geifman et al., for e = 0.3; with n rows the exact one is about e / (2n) larger
    right = np.arange(2000) >= 600
    limit = 0.3 + 0.7 * math.log(0.7)
    assert 0 < aurc(right, right) - limit < 2 * 0.3 / (2 * 2000)


def test_a_matrix_of_weights_gives_one_value_a_row():
    right, confidence = sample(50)
    weights = np.random.default_rng(1).integers(0, 3, size=(4, 50))
    for metric in METRICS:
        values = metric(right, confidence, weights=weights)
        assert values.shape == (4,)
        assert len(set(values)) > 1
        np.testing.assert_allclose(values, [metric(right, confidence, weights=one) for one in weights])
    assert ap_no_skill(right, weights).shape == (4,)


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_contain_the_estimate(metric):
    right, confidence = sample(200)
    low, high = bootstrap_interval(metric, right, confidence, resamples=100)
    assert low < high
    assert low <= metric(right, confidence) <= high


@pytest.mark.parametrize(
    ("metric", "arguments", "message"),
    [
        (partial(risk_at_coverage, coverage=0), ([1], [0.5]), r"coverage is 0; expected a number in \(0, 1\]"),
        (partial(risk_at_coverage, coverage=1.1), ([1], [0.5]), r"coverage is 1.1"),
        (partial(risk_at_coverage, coverage=math.nan), ([1], [0.5]), r"coverage is nan"),
        (partial(coverage_at_risk, risk=-0.1), ([1], [0.5]), r"risk is -0.1; expected a number in \[0, 1\]"),
        (partial(coverage_at_risk, risk=20), ([1], [0.5]), r"risk is 20"),
        (aurc, ([2], [0.5]), r"correct is 2.0 in row 1"),
        (augrc, ([1], [1.5]), r"confidence is 1.5 in row 1"),
        (e_aurc, ([1, 0], [0.5]), r"confidence has 1 rows, correct 2"),
        (ap_no_skill, ([0.5],), r"correct is 0.5 in row 1"),
    ],
)
def test_bad_input_is_named(metric, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric(*arguments)
