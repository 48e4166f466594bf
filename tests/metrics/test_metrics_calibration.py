"""Calibration metrics: hand-computed cases, other packages as references, and where those are wrong."""

from __future__ import annotations

import math
from dataclasses import astuple
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import log_loss
from test_metrics import columns, rows, sample

from rtuning_helpers.metrics import (
    ReliabilityBin,
    ace,
    bootstrap_interval,
    brier,
    brier_decomposition,
    ece,
    ece_debiased,
    ece_equal_mass,
    mce,
    nll,
    reliability_bins,
)

ERRORS = (
    ece_equal_mass,
    ace,
    ece_debiased,
    partial(ece_debiased, binning="equal_width"),
    mce,
    partial(mce, binning="equal_mass"),
    partial(ece_equal_mass, bins=3),
    partial(ace, bins=3),
)
METRICS = (*ERRORS, nll)
PARTS = ("reliability", "resolution", "uncertainty", "within_variance", "within_covariance")

# In two bins of equal width: {0.1, 0.2, 0.3} and {0.9}; of equal mass: {0.1, 0.2} and {0.3, 0.9}
RIGHT, CONFIDENCE = [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.9]
# Three of one confidence stay together: in two bins of equal mass {0.5, 0.5, 0.5} and {0.9}
TIED_RIGHT, TIED_CONFIDENCE = [1, 0, 1, 0], [0.5, 0.5, 0.5, 0.9]


def added_up(parts):
    return (
        parts.reliability
        - parts.resolution
        + parts.uncertainty
        + parts.within_variance
        - parts.within_covariance
    )  # fmt: skip


# --- hand-computed cases ---


def test_ece_equal_mass_by_hand():
    # |1 - 0.3| + |1 - 1.2|, over four rows; with bins of equal width |1 - 0.6| + |1 - 0.9|
    assert ece_equal_mass(RIGHT, CONFIDENCE, bins=2) == pytest.approx((0.7 + 0.2) / 4)
    assert ece(RIGHT, CONFIDENCE, bins=2) == pytest.approx((0.4 + 0.1) / 4)


def test_ece_equal_mass_keeps_ties_together():
    # |2 - 1.5| + |0 - 0.9|, in whatever order the tied rows come
    for order in ([0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 0, 1]):
        right, confidence = np.array(TIED_RIGHT)[order], np.array(TIED_CONFIDENCE)[order]
        assert ece_equal_mass(right, confidence, bins=2) == pytest.approx((0.5 + 0.9) / 4)


def test_ace_counts_every_bin_the_same():
    # |2/3 - 1/2| and 0.9, from above as from below
    assert ace(TIED_RIGHT, TIED_CONFIDENCE, bins=2) == pytest.approx((1 / 6 + 0.9) / 2)


def test_ace_cuts_each_class_into_bins_of_its_own():
    # Three rows in two bins. Class right: {0.2}, {0.5, 0.9}: 0.2 and |2 - 1.4|/2.
    # Class wrong, from the other end: {0.9}, {0.5, 0.2}: 0.1 and |1 - 0.7|/2.
    expected = ((0.2 + 0.3) / 2 + (0.1 + 0.15) / 2) / 2
    assert ace([0, 1, 1], [0.2, 0.5, 0.9], bins=2) == pytest.approx(expected)


def test_ace_of_equally_full_bins_is_the_equal_mass_ece():
    right, _ = sample(60)
    confidence = np.random.default_rng(0).permutation(60) / 60
    assert ace(right, confidence, bins=5) == pytest.approx(ece_equal_mass(right, confidence, bins=5))


def test_debiased_ece_by_hand():
    # one bin, accuracy 3/4: (3/4 - 1/4)^2 = 1/4, less what chance adds, (3/4 x 1/4) / (4 - 1) = 1/16
    assert ece_debiased([1, 0, 1, 1], [0.25] * 4) == pytest.approx(math.sqrt(1 / 4 - 1 / 16))
    # (3/4 - 1/2)^2 is 1/16: exactly what chance adds
    assert ece_debiased([1, 0, 1, 1], [0.5] * 4) == pytest.approx(0)
    # 0 less (1/2 x 1/2) / (2 - 1): below 0, and cut there
    assert ece_debiased([1, 0], [0.5] * 2) == 0


def test_debiased_ece_takes_nothing_from_a_bin_with_one_row():
    # {0.2, 0.3}: (1 - 0.25)^2 with weight 2/3, chance 0; {0.9} alone: no estimate of chance, so no contribution
    found = ece_debiased([1, 1, 0], [0.2, 0.3, 0.9], bins=2, binning="equal_width")
    assert found == pytest.approx(math.sqrt(2 / 3 * 0.75**2))
    assert math.isnan(ece_debiased([1, 0], [0.2, 0.9], bins=2))  # all bins have one row


def test_debiased_ece_is_right_on_average():
    # All 21 outcomes of 20 answers, right with probability 0.8 at confidence 0.4: the mean square is 0.4^2, but for
    # what the cut at 0 adds. The plug-in square would be 0.8 x 0.2 / 20 = 0.008 too high.
    squares = [ece_debiased(np.arange(20) < k, np.full(20, 0.4)) ** 2 for k in range(21)]
    assert binom.pmf(range(21), 20, 0.8) @ squares == pytest.approx(0.16, abs=1e-4)


def test_mce_by_hand():
    # equal width: |1 - 0.6| / 3 and |1 - 0.9|; equal mass: |1 - 0.3| / 2 and |1 - 1.2| / 2
    assert mce(RIGHT, CONFIDENCE, bins=2) == pytest.approx(0.4 / 3)
    assert mce(RIGHT, CONFIDENCE, bins=2, binning="equal_mass") == pytest.approx(0.35)


def test_brier_decomposition_by_hand():
    # {0.2, 0.4}: mean 0.3, accuracy 1/2; {0.8, 0.8}: mean 0.8, accuracy 1; accuracy of all 3/4
    parts = brier_decomposition([1, 0, 1, 1], [0.2, 0.4, 0.8, 0.8], bins=2)
    assert parts.reliability == pytest.approx(0.5 * 0.2**2 + 0.5 * 0.2**2)
    assert parts.resolution == pytest.approx(0.5 * 0.25**2 + 0.5 * 0.25**2)
    assert parts.uncertainty == pytest.approx(0.75 * 0.25)
    assert parts.within_variance == pytest.approx((0.1**2 + 0.1**2) / 4)
    assert parts.within_covariance == pytest.approx(2 / 4 * (-0.1 * 0.5 + 0.1 * -0.5))
    assert added_up(parts) == pytest.approx((0.64 + 0.16 + 0.04 + 0.04) / 4)


def test_brier_decomposition_of_one_confidence_a_bin_is_murphys():
    parts = brier_decomposition([1, 0, 1, 1], [0.3, 0.3, 0.8, 0.8])
    assert parts.within_variance == parts.within_covariance == 0
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx((0.49 + 0.09 + 0.04 + 0.04) / 4)


def test_nll_by_hand():
    assert nll([1, 0], [0.8, 0.4]) == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)


def test_nll_of_a_certain_mistake_is_finite_and_depends_on_epsilon():
    for right, confidence in ((0, 1.0), (1, 0.0)):
        assert nll([right], [confidence]) == pytest.approx(-math.log(1e-7))
        assert nll([right], [confidence], epsilon=0.01) == pytest.approx(-math.log(0.01))
    assert nll([1, 0], [1.0, 0.0]) == pytest.approx(1e-7, rel=1e-3)


def test_reliability_bins_by_hand():
    low, high = reliability_bins(RIGHT, CONFIDENCE, bins=2)
    assert astuple(low) == pytest.approx((0, 0.5, 3, 0.2, 1 / 3))
    assert astuple(high) == pytest.approx((0.5, 1, 1, 0.9, 1))
    low, high = reliability_bins(RIGHT, CONFIDENCE, bins=2, binning="equal_mass")
    assert astuple(low) == pytest.approx((0.1, 0.2, 2, 0.15, 0.5))
    assert astuple(high) == pytest.approx((0.3, 0.9, 2, 0.6, 0.5))


def test_reliability_bins_leave_out_empty_bins():
    assert reliability_bins([1, 0], [0.0, 1.0]) == [
        ReliabilityBin(0, 0.1, 1, 0, 1),
        ReliabilityBin(0.9, 1, 1, 1, 0),
    ]
    assert reliability_bins([], []) == reliability_bins([], [], binning="equal_mass") == []


@pytest.mark.parametrize(("n", "bins", "sizes"), [(6, 3, [2, 2, 2]), (5, 2, [2, 3]), (3, 5, [1, 1, 1])])
def test_equal_mass_bins_differ_by_one_row_at_most(n, bins, sizes):
    found = reliability_bins([0] * n, np.arange(n) / n, bins=bins, binning="equal_mass")
    assert [point.n for point in found] == sizes


# --- the traps ---


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_equal_confidences_are_one_bin(confidence):
    right, same = [1, 0, 0, 1, 0], [confidence] * 5
    for metric in (ece_equal_mass, ace, mce):
        assert metric(right, same) == pytest.approx(abs(0.4 - confidence))
    parts = brier_decomposition(right, same)
    assert parts.resolution == pytest.approx(0, abs=1e-15)
    assert parts.reliability == pytest.approx((0.4 - confidence) ** 2)


def test_confidences_of_exactly_zero_and_one():
    for metric in ERRORS:
        assert metric([1, 1, 0, 0], [1, 1, 0, 0]) == 0
        assert metric([0, 0, 1, 1], [1, 1, 0, 0]) == 1
    assert brier_decomposition([1, 0], [1.0, 0.0]).reliability == 0
    assert brier_decomposition([0, 1], [1.0, 0.0]).reliability == 1


def test_all_right_and_all_wrong():
    for right in ([1, 1, 1, 1], [0, 0, 0, 0]):
        gap = abs(right[0] - 0.25)
        for metric in (ece_equal_mass, ace, ece_debiased, mce):
            assert metric(right, [0.25] * 4) == pytest.approx(gap)
        parts = brier_decomposition(right, [0.1, 0.2, 0.3, 0.4])
        assert parts.uncertainty == parts.resolution == 0


def test_nothing_to_average_is_nan():
    for metric in METRICS:
        assert math.isnan(metric([], []))
        assert math.isnan(metric([1, 0], [0.5, 0.1], [0, 0]))
        assert np.isnan(metric([1, 0], [0.5, 0.1], weights=[[0, 0], [3, 2]])).tolist() == [True, False]
    for empty in (brier_decomposition([], []), brier_decomposition([1], [0.5], [0])):
        assert all(math.isnan(getattr(empty, part)) for part in PARTS)


# --- properties ---


@given(rows)
def test_errors_lie_between_0_and_1(drawn):
    right, confidence, _ = columns(drawn)
    for metric in ERRORS:
        value = metric(right, confidence)
        assert math.isnan(value) or -1e-12 <= value <= 1 + 1e-12
    assert 0 <= nll(right, confidence) <= -math.log(1e-7) + 1e-9


@given(rows)
def test_errors_are_at_least_the_overall_gap_and_at_most_the_largest(drawn):
    right, confidence, _ = columns(drawn)
    overall = abs(right.mean() - confidence.mean())
    assert overall - 1e-12 <= ece_equal_mass(right, confidence)
    assert ece(right, confidence) <= mce(right, confidence) + 1e-12
    assert ece_equal_mass(right, confidence) <= mce(right, confidence, binning="equal_mass") + 1e-12


@given(rows, st.integers(1, 12), st.sampled_from(["equal_width", "equal_mass"]))
def test_the_parts_add_up_to_the_brier_score(drawn, bins, binning):
    right, confidence, weights = columns(drawn)
    parts = brier_decomposition(right, confidence, weights, bins, binning)
    assert added_up(parts) == pytest.approx(brier(right, confidence, weights), nan_ok=True, abs=1e-12)
    assume(weights.sum() > 0)
    assert all(-1e-12 <= getattr(parts, part) <= 1 + 1e-12 for part in PARTS[:4])


@given(rows, st.integers(1, 12))
def test_reliability_bins_hold_the_calibration_errors(drawn, bins):
    right, confidence, _ = columns(drawn)
    for binning, metric in (("equal_width", ece), ("equal_mass", ece_equal_mass)):
        points = reliability_bins(right, confidence, bins=bins, binning=binning)
        assert sum(point.n for point in points) == len(right)
        assert all(point.low <= point.confidence + 1e-12 <= point.high + 2e-12 for point in points)
        error = sum(point.n * abs(point.accuracy - point.confidence) for point in points) / len(right)
        assert metric(right, confidence, bins=bins) == pytest.approx(error)
        gaps = [abs(point.accuracy - point.confidence) for point in points]
        assert mce(right, confidence, bins=bins, binning=binning) == pytest.approx(max(gaps))


@given(rows)
def test_integer_weights_are_repetitions(drawn):
    right, confidence, weights = columns(drawn)
    repeated = np.repeat(right, weights), np.repeat(confidence, weights)
    for metric in METRICS:
        assert metric(right, confidence, weights) == pytest.approx(metric(*repeated), nan_ok=True, abs=1e-7)
    for binning in ("equal_width", "equal_mass"):
        ours = brier_decomposition(right, confidence, weights, binning=binning)
        assert astuple(ours) == pytest.approx(
            astuple(brier_decomposition(*repeated, binning=binning)), nan_ok=True, abs=1e-12
        )


@given(rows, st.randoms())
def test_the_order_of_the_rows_does_not_matter(drawn, random):
    shuffled = random.sample(drawn, len(drawn))
    (right, confidence, _), (right_2, confidence_2, _) = columns(drawn), columns(shuffled)
    for metric in METRICS:  # a root of a rounding error is 1e-8
        assert metric(right, confidence) == pytest.approx(metric(right_2, confidence_2), nan_ok=True, abs=1e-7)


@given(rows)
def test_nll_against_scikit_learn(drawn):
    right, confidence, weights = columns(drawn)
    assume(weights.sum() > 0)
    clipped = np.clip(confidence, 1e-7, 1 - 1e-7)
    assert nll(right, confidence, weights) == pytest.approx(
        log_loss(right, clipped, sample_weight=weights, labels=[0, 1])
    )


def test_a_matrix_of_weights_gives_one_value_a_row():
    right, confidence = sample(50)
    weights = np.random.default_rng(1).integers(0, 3, size=(4, 50))
    for metric in METRICS:
        values = metric(right, confidence, weights)
        assert values.shape == (4,)
        assert len(set(values)) > 1
        np.testing.assert_allclose(values, [metric(right, confidence, one) for one in weights])
    parts = brier_decomposition(right, confidence, weights)
    np.testing.assert_allclose(added_up(parts), brier(right, confidence, weights))


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_contain_the_estimate(metric):
    right, confidence = sample(200)
    low, high = bootstrap_interval(metric, right, confidence, resamples=100)
    assert low < high
    assert low <= metric(right, confidence) <= high


@pytest.mark.parametrize(
    ("metric", "arguments", "message"),
    [
        (partial(ece_equal_mass, bins=0), ([1], [0.5]), r"bins is 0; expected at least 1"),
        (partial(ace, bins=-1), ([1], [0.5]), r"bins is -1; expected at least 1"),
        (partial(mce, binning="quantile"), ([1], [0.5]), r"binning is 'quantile'; expected one of equal_width, equal"),
        (partial(brier_decomposition, bins=0), ([1], [0.5]), r"bins is 0"),
        (partial(ece_debiased, binning=None), ([1], [0.5]), r"binning is None"),
        (partial(reliability_bins, bins=0), ([1], [0.5]), r"bins is 0"),
        (partial(nll, epsilon=0), ([1], [0.5]), r"epsilon is 0; expected a number between 0 and 0.5"),
        (nll, ([1], [1.5]), r"confidence is 1.5 in row 1"),
        (reliability_bins, ([2], [0.5]), r"correct is 2.0 in row 1"),
    ],
)
def test_bad_input_is_named(metric, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric(*arguments)


# --- other packages ---

NOT_INSTALLED = "a reference of the test extra: pip install -e .[test]"


def without_ties(n=120, seed=0):
    """Confidences inside (0, 1), no two equal and none on a bin's edge; too low below 0.5 and too high above."""
    rng = np.random.default_rng(seed)
    confidence = rng.permutation(((np.arange(n) + 0.37) / n) ** 1.7)
    return (rng.random(n) < 0.5).astype(int), confidence


@pytest.mark.parametrize("bins", [1, 2, 5, 10])
def test_equal_width_against_netcal(bins):
    netcal = pytest.importorskip("netcal.metrics", reason=NOT_INSTALLED)
    right, confidence = without_ties()
    assert ece(right, confidence, bins=bins) == pytest.approx(netcal.ECE(bins).measure(confidence, right))
    assert mce(right, confidence, bins=bins) == pytest.approx(netcal.MCE(bins).measure(confidence, right))
    right, confidence = [1, 0, 1, 0], np.array([0.0, 0.13, 1.0, 0.97])  # 0 in the first bin, 1 in the last
    assert ece(right, confidence, bins=bins) == pytest.approx(netcal.ECE(bins).measure(confidence, np.array(right)))


@pytest.mark.parametrize("bins", [2, 5, 10])
def test_equal_mass_against_netcal(bins):
    netcal = pytest.importorskip("netcal.metrics", reason=NOT_INSTALLED)
    right, confidence = without_ties()
    theirs = netcal.ECE(bins, equal_intervals=False).measure(confidence, right)
    assert ece_equal_mass(right, confidence, bins=bins) == pytest.approx(theirs)
    theirs = netcal.MCE(bins, equal_intervals=False).measure(confidence, right)
    assert mce(right, confidence, bins=bins, binning="equal_mass") == pytest.approx(theirs)
    # netcal's ACE is the average calibration error; with equally full bins it is Nixon's adaptive one of one class
    assert ace(right, confidence, bins=bins) == pytest.approx(
        netcal.ACE(bins, equal_intervals=False).measure(confidence, right)
    )
    assert ace(right, confidence, bins=bins) != pytest.approx(netcal.ACE(bins).measure(confidence, right), rel=1e-3)


@pytest.mark.parametrize("bins", [1, 2, 5, 10])
def test_equal_width_against_torchmetrics(bins):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification", reason=NOT_INSTALLED)
    right, confidence = without_ties()
    for metric, norm in ((ece, "l1"), (mce, "max")):
        theirs = functional.binary_calibration_error(
            torch.tensor(confidence), torch.tensor(right), n_bins=bins, norm=norm
        )
        assert metric(right, confidence, bins=bins) == pytest.approx(float(theirs), abs=1e-6)


def test_torchmetrics_gives_a_confidence_of_one_a_bin_of_its_own():
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification", reason=NOT_INSTALLED)
    right, confidence = [0, 1], [1.0, 0.95]
    theirs = float(functional.binary_calibration_error(torch.tensor(confidence), torch.tensor(right), n_bins=10))
    assert ece(right, confidence) == pytest.approx(abs(1 - 1.95) / 2)  # both in (0.9, 1]
    # torchmetrics 1.9 has an eleventh bin for exactly 1, which splits them; 0.475 if that is mended
    assert theirs == pytest.approx((1 + 0.05) / 2, abs=1e-6) or theirs == pytest.approx(0.475, abs=1e-6)


def test_the_comparisons_can_tell_errors_and_bins_apart():
    right, confidence = without_ties()
    for bins in (2, 5, 10):
        by_width, by_mass = (metric(right, confidence, bins=bins) for metric in (ece, ece_equal_mass))
        assert abs(by_width - by_mass) > 1e-4
        assert min(by_width, by_mass) > 2 * abs(right.mean() - confidence.mean())  # gaps of both signs
