"""Whether a confidence of 0.7 means 70 % right: calibration errors, Brier score and its parts, log-likelihood.

A calibration error compares, in bins of confidences, the mean confidence with the accuracy. Its size depends on the
number of bins and, where bins hold few rows, on chance: report the bins and an interval beside it. Bins without rows
count nowhere. Weights are counts, and equal-mass bins are cut anew for each resample. ``bins`` below 1 and a
``binning`` other than ``equal_mass`` and ``equal_width`` are a ValueError.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rtuning_helpers.metrics.arrays import Column, Counts, Values, checked, metric, ratio, share
from rtuning_helpers.metrics.binning import equal_width_bin, into_bins


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability diagram."""

    low: float  # lower edge of an equal-width bin, lowest confidence in an equal-mass bin
    high: float  # upper edge, or highest confidence
    n: int  # rows in it, at least 1
    confidence: float  # their mean
    accuracy: float


@dataclass(frozen=True)
class BrierDecomposition:
    """Parts of the Brier score: reliability - resolution + uncertainty + within_variance - within_covariance."""

    reliability: Values  # mean squared gap between a bin's mean confidence and its accuracy; 0 is best
    resolution: Values  # mean squared difference between a bin's accuracy and that of all rows; high is good
    uncertainty: Values  # accuracy x (1 - accuracy), whatever the confidence
    within_variance: Values  # mean squared difference between a confidence and its bin's mean
    within_covariance: Values  # twice the mean product of that difference and (correctness - its bin's accuracy)


@metric
def ece(correct: Column, confidence: Column, weights: Counts, bins: int = 10) -> np.ndarray:
    """Expected calibration error: mean over the rows of their bin's |accuracy - mean confidence|.

    Equal-width bins ((b-1)/bins, b/bins], 0 in the first (Guo et al. 2017). Biased upwards where bins hold few rows.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; expected at least 1")
    gaps = np.zeros((bins, len(confidence)))
    gaps[equal_width_bin(confidence, bins), np.arange(len(confidence))] = correct - confidence
    return ratio(np.abs(np.einsum("bn,kn->bk", weights, gaps)).sum(axis=1), weights.sum(axis=1))


@metric
def ece_equal_mass(correct: Column, confidence: Column, weights: Counts, bins: int = 10) -> np.ndarray:
    """Expected calibration error with about n/bins rows in each bin (Nguyen and O'Connor 2015).

    As `ece`, in [0, 1]. Equal confidences stay in one bin (see `binning.into_bins`): with few distinct confidences
    there are fewer bins. NaN for no rows.
    """
    gaps = into_bins(confidence, weights, bins, "equal_mass").total(correct - confidence)
    return ratio(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


@metric
def ace(correct: Column, confidence: Column, weights: Counts, bins: int = 10) -> np.ndarray:
    """Adaptive calibration error: mean over both classes and all bins of |accuracy - mean confidence| (Nixon 2019).

    The classes are "right", with the confidence c, and "wrong", with 1 - c; each is cut into equal-mass bins, and
    every bin with rows counts the same. The bins of the second mirror those of the first unless a rank falls on an
    edge, so that both have nearly the same error. Where all bins are equally full, this is `ece_equal_mass`. In
    [0, 1]; ties as there; NaN for no rows. (The "average calibration error" that netcal calls ACE is another one.)
    """
    errors = []
    for ranked in (confidence, -confidence):  # as 1 - c ranks, without its rounding, which ties tiny confidences
        binned = into_bins(ranked, weights, bins, "equal_mass")
        n = binned.total()
        gaps = np.abs(ratio(binned.total(correct - confidence), n, 0))  # the same for both classes: (1 - y) - (1 - c)
        errors.append(ratio(gaps.sum(axis=1), (n > 0).sum(axis=1)))
    return 0.5 * (errors[0] + errors[1])


@metric
def ece_debiased(
    correct: Column, confidence: Column, weights: Counts, bins: int = 10, binning: str = "equal_mass"
) -> np.ndarray:
    """Debiased L2 calibration error (Kumar, Liang and Ma 2019), the root of a mean square: not comparable to `ece`.

    sqrt(max(0, sum over bins of n_b/n x [(acc_b - conf_b)^2 - acc_b (1 - acc_b) / (n_b - 1)])). The second term is
    what chance adds to the first, so that the sum is 0 on average for calibrated answers. In [0, 1]. As in the
    authors' code a bin with one row adds 0, and conf_b is the mean confidence of the bin; NaN where no bin has two
    rows. A resample repeats rows, and the correction does not know it: its error comes out too high.
    """
    binned = into_bins(confidence, weights, bins, binning)
    n = binned.total()
    accuracy = ratio(binned.total(correct), n, 0)
    usable = n >= 2
    chance = ratio(accuracy * (1 - accuracy), n - 1, 0)
    squares = np.where(usable, ratio(binned.total(correct - confidence), n, 0) ** 2 - chance, 0)
    rows = np.where(usable.any(axis=1), n.sum(axis=1), 0)
    return np.sqrt(ratio(np.maximum((n * squares).sum(axis=1), 0), rows))


@metric
def mce(
    correct: Column, confidence: Column, weights: Counts, bins: int = 10, binning: str = "equal_width"
) -> np.ndarray:
    """Maximum calibration error: the largest |accuracy - mean confidence| of a bin (Naeini et al. 2015).

    In [0, 1]. A bin with one row decides as much as a full one. NaN for no rows.
    """
    binned = into_bins(confidence, weights, bins, binning)
    n = binned.total()
    largest = np.abs(ratio(binned.total(correct - confidence), n, 0)).max(axis=1)
    return np.where(n.any(axis=1), largest, np.nan)


@metric
def brier(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """Mean squared difference between confidence and correctness (Brier 1950)."""
    return share(weights, (confidence - correct) ** 2)


@metric
def brier_decomposition(
    correct: Column, confidence: Column, weights: Counts, bins: int = 10, binning: str = "equal_width"
) -> BrierDecomposition:
    """Split the Brier score into calibration, resolution and base rate (Murphy 1973), exactly (Stephenson et al. 2008).

    With n_b rows in bin b, their accuracy acc_b and mean confidence conf_b, and the accuracy acc of all:
    reliability = sum n_b/n (conf_b - acc_b)^2, resolution = sum n_b/n (acc_b - acc)^2, uncertainty = acc (1 - acc).
    Murphy's three terms give the Brier score only where each bin has a single confidence; the two terms within bins
    make up the difference. All are in [0, 1] but the covariance, which may be negative; NaN for no rows.
    """
    binned = into_bins(confidence, weights, bins, binning)
    n, rows = binned.total(), weights.sum(axis=1)
    accuracy, level = ratio(binned.total(correct), n, 0), ratio(binned.total(confidence), n, 0)
    overall = share(weights, correct)
    above_bin = confidence - np.take_along_axis(level, binned.index, axis=1)
    surprise = correct - np.take_along_axis(accuracy, binned.index, axis=1)
    parts = (
        ratio((n * (level - accuracy) ** 2).sum(axis=1), rows),
        ratio((n * (accuracy - overall[:, None]) ** 2).sum(axis=1), rows),
        overall * (1 - overall),
        ratio(np.einsum("bn,bn,bn->b", weights, above_bin, above_bin), rows),
        ratio(2 * np.einsum("bn,bn,bn->b", weights, above_bin, surprise), rows),
    )
    return BrierDecomposition(*parts)


@metric
def nll(correct: Column, confidence: Column, weights: Counts, epsilon: float = 1e-7) -> np.ndarray:
    """Mean negative log-likelihood of the correctness [nats]: -ln c for a right answer, -ln(1 - c) for a wrong one.

    Good 1952. Confidences are clipped to [epsilon, 1 - epsilon] first: one wrong answer with confidence 1 would
    otherwise make it infinite, and now costs -ln(epsilon), 16.1 nats. State epsilon with the number. In
    [-ln(1 - epsilon), -ln(epsilon)]; NaN for no rows.
    """
    if not 0 < epsilon < 0.5:
        raise ValueError(f"epsilon is {epsilon}; expected a number between 0 and 0.5")
    clipped = np.clip(confidence, epsilon, 1 - epsilon)
    return share(weights, -np.log(np.where(correct == 1, clipped, 1 - clipped)))


def reliability_bins(
    correct: ArrayLike, confidence: ArrayLike, bins: int = 10, binning: str = "equal_width"
) -> list[ReliabilityBin]:
    """The points of a reliability diagram, lowest confidence first; bins without rows are left out.

    The mean of |accuracy - confidence| over them, weighted by n, is `ece` or `ece_equal_mass`.
    """
    (right, score), w = checked(None, correct=correct, confidence=confidence)
    index = into_bins(score, w, bins, binning).index[0]
    points = []
    for b in np.unique(index):
        inside = index == b
        low, high = score[inside].min(), score[inside].max()
        if binning == "equal_width":
            low, high = b / bins, (b + 1) / bins
        means = float(score[inside].mean()), float(right[inside].mean())
        points.append(ReliabilityBin(float(low), float(high), int(inside.sum()), *means))
    return points
