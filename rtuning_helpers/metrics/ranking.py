"""How well the confidence ranks right answers above wrong ones: precision, risk at a coverage, and areas under both.

The risk of a set of answers is its share of wrong ones; the selective accuracy is 1 - risk. All functions give the
most confident answers first. Where equal confidences leave the order open, the risk is its expectation over random
orders, so that no number depends on the order of the rows. Weights are counts: a weight of 2 is a row that is there
twice. A ``coverage`` outside (0, 1] or a ``risk`` outside [0, 1] is a ValueError.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma

from rtuning_helpers.metrics.answers import accuracy
from rtuning_helpers.metrics.arrays import Column, Counts, above_thresholds, checked, metric, ratio, weighted_sum

_ROUNDING = 1e-9  # of counts: 0.07 * 100 is a rounding error above 7, and must not ask for an eighth answer


@metric
def average_precision(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """Average precision of the ranking by confidence: the sum over thresholds of (step in recall) x precision.

    Step-wise as in scikit-learn and in the released code, not trapezoidal; equal confidences form one threshold. A
    random ranking scores the accuracy, so report the accuracy beside it. NaN where no answer is right.

    >>> round(float(average_precision([True, False, True], [0.9, 0.8, 0.7])), 3)  # 1/2 x 1 + 1/2 x 2/3
    0.833
    """
    hits, answered = above_thresholds(correct, confidence, weights)
    steps = np.diff(hits, axis=1, prepend=0)
    precision = ratio(hits, answered, 0)
    return ratio(np.einsum("bk,bk->b", steps, precision), weighted_sum(weights, correct))


@metric
def ap_no_skill(correct: Column, weights: Counts) -> np.ndarray:
    """Average precision of a confidence that is the same everywhere: the accuracy, in (0, 1].

    What `average_precision` is to be compared with. NaN where no answer is right, where no ranking has an average
    precision.
    """
    values = accuracy(correct, weights)
    return np.where(values > 0, values, np.nan)


@metric
def ap_lift(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """Average precision minus accuracy: what the ranking adds, in (-accuracy, 1 - accuracy].

    0 where all confidences are equal, negative for a ranking worse than that. NaN where no answer is right.
    """
    return average_precision(correct, confidence, weights) - accuracy(correct, weights)


@metric
def ap_lift_normalised(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """(Average precision - accuracy) / (1 - accuracy): the lift as a share of the largest possible, at most 1.

    1 for a perfect ranking, 0 where all confidences are equal, negative for worse. Of methods with different
    accuracies this can be compared, the average precision cannot. NaN where no answer is right, or all are.
    """
    return ratio(ap_lift(correct, confidence, weights), 1 - accuracy(correct, weights))


@metric
def auroc(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """Probability that a right answer has more confidence than a wrong one, ties counting half; base-rate free.

    NaN where all answers are right or all are wrong.

    >>> float(auroc([True, False, True], [0.9, 0.8, 0.7]))
    0.5
    """
    hits, answered = above_thresholds(correct, confidence, weights)
    misses = answered - hits
    positives, negatives = weighted_sum(weights, correct), weighted_sum(weights, 1 - correct)
    below = negatives[:, None] - misses + 0.5 * np.diff(misses, axis=1, prepend=0)
    wins = np.einsum("bk,bk->b", np.diff(hits, axis=1, prepend=0), below)
    return ratio(wins, positives * negatives)


def risk_coverage(correct: ArrayLike, confidence: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Risk at every coverage, when the most confident answers are given first (El-Yaniv and Wiener 2010).

    Returns:
        coverage, shape (n,): k/n for k = 1..n. risk, shape (n,): the share of wrong answers among those k. Within a
        block of equal confidences the risk is its expectation over random orders of the block.
    """
    (right, score), _ = checked(None, correct=correct, confidence=confidence)
    order = np.argsort(-score, kind="stable")
    _, block, size = np.unique(-score[order], return_inverse=True, return_counts=True)
    wrong_in_block = np.bincount(block, weights=1 - right[order], minlength=len(size))
    k = np.arange(1, len(score) + 1)
    return k / max(len(score), 1), np.cumsum((wrong_in_block / size)[block]) / k


@metric
def aurc(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """Area under the risk-coverage curve: the mean over k = 1..n of risk(k/n) (Geifman, Uziel and El-Yaniv 2019).

    In [0, 1], lower is better; the error rate where all confidences are equal. It is the plain mean of what
    `risk_coverage` gives: some packages take a trapezoid, which leaves out half of the first and of the last risk.
    It grows with the error rate, so report `e_aurc` beside it. NaN for no rows.
    """
    return ratio(_sum_of_risks(correct, confidence, weights), weights.sum(axis=1))


@metric
def e_aurc(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """Excess AURC: `aurc` minus that of the oracle, which gives all right answers first (Geifman et al. 2019).

    In [0, 1), 0 for a perfect ranking. The oracle's area is exact for n rows of which R are right,
    (1/n) sum over k = R+1..n of (k - R)/k, not the limit e + (1 - e) ln(1 - e) for the error rate e, which is
    smaller. NaN for no rows.
    """
    n, n_right = weights.sum(axis=1), weighted_sum(weights, correct)
    oracle = (n - n_right) - n_right * (digamma(n + 1) - digamma(n_right + 1))
    return ratio(_sum_of_risks(correct, confidence, weights) - oracle, n)


@metric
def augrc(correct: Column, confidence: Column, weights: Counts) -> np.ndarray:
    """Area under the generalised risk-coverage curve: (wrong answers given)/n over coverage (Traub et al. 2024).

    Trapezoids from (0, 0), straight through ties: with error rate e it equals (1 - AUROC) e (1 - e) + e^2 / 2. In
    [0, 1/2], lower is better; e/2 where all confidences are equal, e^2 / 2 at best. NaN for no rows.
    """
    _, errors_before, rows, errors = _tie_blocks(correct, confidence, weights)
    area = np.einsum("bk,bk->b", rows, errors_before + 0.5 * errors)
    return ratio(area, weights.sum(axis=1) ** 2)


@metric
def risk_at_coverage(correct: Column, confidence: Column, weights: Counts, *, coverage: float) -> np.ndarray:
    """Share of wrong answers among the most confident ones, as few as reach the coverage: ceil(coverage x n) of them.

    In [0, 1]; a value of `risk_coverage`. For an interval: ``partial(risk_at_coverage, coverage=0.8)``. NaN for no
    rows.
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage is {coverage}; expected a number in (0, 1]")
    n = weights.sum(axis=1)
    if not len(confidence):
        return np.full(len(weights), np.nan)
    k = np.maximum(np.ceil(coverage * n - _ROUNDING), 1)
    before, errors_before, rows, errors = _tie_blocks(correct, confidence, weights)
    block = np.argmax(before + rows >= k[:, None], axis=1)[:, None]  # the first that reaches k answers
    at = [np.take_along_axis(column, block, axis=1)[:, 0] for column in (before, errors_before, ratio(errors, rows, 0))]
    return ratio(at[1] + (k - at[0]) * at[2], np.where(n > 0, k, 0))


@metric
def coverage_at_risk(correct: Column, confidence: Column, weights: Counts, *, risk: float) -> np.ndarray:
    """Largest coverage k/n whose risk is at most ``risk`` (Geifman and El-Yaniv 2017, without their guarantee).

    In [1/n, 1]. The curve may rise above the risk and come back; the largest k counts. It may lie inside a block of
    equal confidences, which no threshold can split. Chosen on the rows that it describes, so it is too good on
    average: `risk_control_threshold` is not. NaN, not 0, where even the first answer is too risky, and for no rows;
    an interval leaves such resamples out.
    """
    if not 0 <= risk <= 1:
        raise ValueError(f"risk is {risk}; expected a number in [0, 1]")
    before, errors_before, rows, errors = _tie_blocks(correct, confidence, weights)
    # Within a block, j answers more have errors_before + j x rate errors, and at most risk x (before + j) are allowed.
    allowance, excess = risk * before - errors_before, ratio(errors, rows, 0) - risk
    inside = ratio(allowance, excess, 0)
    whole = errors_before + errors <= risk * (before + rows) + _ROUNDING
    taken = np.where(whole, rows, np.clip(np.floor(inside + _ROUNDING), 0, rows))
    most = np.where(taken > 0, before + taken, 0).max(axis=1, initial=0)
    return ratio(np.where(most > 0, most, np.nan), weights.sum(axis=1))


def _tie_blocks(
    right: np.ndarray, score: np.ndarray, w: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each block of equal confidences, highest first: rows and errors before it, and in it; four (B, k)."""
    hits, answered = above_thresholds(right, score, w)
    rows, errors = np.diff(answered, axis=1, prepend=0), np.diff(answered - hits, axis=1, prepend=0)
    return answered - rows, answered - hits - errors, rows, errors


def _sum_of_risks(right: np.ndarray, score: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Sum over k = 1..n of the expected risk among the first k, for counts w of shape (B, n): (B,).

    In a block that follows K rows with E errors and has e errors in s rows, the risk after j of them is
    (E + j e/s) / (K + j) = e/s + (E - K e/s) / (K + j). The sum over j is e + (E - K e/s) (H(K + s) - H(K)) with the
    harmonic numbers H, and the digamma function gives their differences: resamples need not be written out.
    """
    before, errors_before, rows, errors = _tie_blocks(right, score, w)
    harmonic = digamma(before + rows + 1) - digamma(before + 1)
    return (errors + (errors_before - before * ratio(errors, rows, 0)) * harmonic).sum(axis=1)
