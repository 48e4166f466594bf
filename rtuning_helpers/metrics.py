"""Metrics of answers and confidences, with bootstrap intervals.

Every metric takes a row's label ``correct`` (0 or 1), its ``confidence`` in [0, 1] or its ``refused`` (0 or 1), and an
optional ``weights``: without, it returns a float; with weights of shape (B, n), B values. A resample is a row of counts
(how often each question was drawn), so the bootstrap is a matrix computation. scikit-learn's functions agree with these
but take one weight vector at a time, which is minutes for 1,000 resamples of a test set.

A number that does not exist (nothing answered, one class only, no rows) is NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from rtuning_helpers.predictions import Prediction

Values = float | np.ndarray  # one number, or one for each row of weights
Metric = Callable[..., Values]
_RANGES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {  # NaN is in none of them
    "correct": ("0 or 1", lambda x: (x == 0) | (x == 1)),
    "refused": ("0 or 1", lambda x: (x == 0) | (x == 1)),
    "confidence": ("a number in [0, 1]", lambda x: (x >= 0) & (x <= 1)),
    "values": ("a finite number", np.isfinite),
}
_CELLS = 2**19  # resampling counts held at once: 4 MiB, so that the temporaries stay in tens of MiB


def accuracy(correct: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Share of right answers; a refusal counts as not right."""
    (right,), w = _checked(weights, correct=correct)
    return _plain(_ratio(_sum(w, right), w.sum(axis=1)), weights)


def answer_rate(refused: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Share of the questions that were answered (coverage)."""
    (refusal,), w = _checked(weights, refused=refused)
    return _plain(_ratio(_sum(w, 1 - refusal), w.sum(axis=1)), weights)


def willing_accuracy(correct: ArrayLike, refused: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Share of right answers among the answered questions (paper eq. 3); NaN where all are refused."""
    (right, refusal), w = _checked(weights, correct=correct, refused=refused)
    return _plain(_ratio(_sum(w, right * (1 - refusal)), _sum(w, 1 - refusal)), weights)


def average_precision(correct: ArrayLike, confidence: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Average precision of the ranking by confidence: the sum over thresholds of (step in recall) x precision.

    Step-wise as in scikit-learn and in the released code, not trapezoidal; equal confidences form one threshold. A
    random ranking scores the accuracy, so report the accuracy beside it. NaN where no answer is right.
    """
    (right, score), w = _checked(weights, correct=correct, confidence=confidence)
    hits, answered = _above_thresholds(right, score, w)
    steps = np.diff(hits, axis=1, prepend=0)
    precision = np.divide(hits, answered, out=np.zeros_like(hits), where=answered > 0)
    return _plain(_ratio(np.einsum("bk,bk->b", steps, precision), _sum(w, right)), weights)


def auroc(correct: ArrayLike, confidence: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Probability that a right answer has more confidence than a wrong one, ties counting half; base-rate free.

    NaN where all answers are right or all are wrong.
    """
    (right, score), w = _checked(weights, correct=correct, confidence=confidence)
    hits, answered = _above_thresholds(right, score, w)
    misses = answered - hits
    positives, negatives = _sum(w, right), _sum(w, 1 - right)
    below = negatives[:, None] - misses + 0.5 * np.diff(misses, axis=1, prepend=0)
    wins = np.einsum("bk,bk->b", np.diff(hits, axis=1, prepend=0), below)
    return _plain(_ratio(wins, positives * negatives), weights)


def ece(correct: ArrayLike, confidence: ArrayLike, weights: ArrayLike | None = None, bins: int = 10) -> Values:
    """Expected calibration error: mean over the rows of their bin's |accuracy - mean confidence|.

    Equal-width bins ((b-1)/bins, b/bins], 0 in the first (Guo et al. 2017). Biased upwards where bins hold few rows.

    Raises:
        ValueError: ``bins`` below 1, or bad input.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; expected at least 1")
    (right, score), w = _checked(weights, correct=correct, confidence=confidence)
    upper_edges = np.arange(1, bins + 1) / bins  # correctly rounded, so that a confidence of k/bins closes bin k
    gaps = np.zeros((bins, len(score)))
    gaps[np.searchsorted(upper_edges, score, side="left"), np.arange(len(score))] = right - score
    return _plain(_ratio(np.abs(np.einsum("bn,kn->bk", w, gaps)).sum(axis=1), w.sum(axis=1)), weights)


def brier(correct: ArrayLike, confidence: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Mean squared difference between confidence and correctness (Brier 1950)."""
    (right, score), w = _checked(weights, correct=correct, confidence=confidence)
    return _plain(_ratio(_sum(w, (score - right) ** 2), w.sum(axis=1)), weights)


def mean(values: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Mean of any finite numbers; NaN for none."""
    (numbers,), w = _checked(weights, values=values)
    return _plain(_ratio(_sum(w, numbers), w.sum(axis=1)), weights)


def risk_coverage(correct: ArrayLike, confidence: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Risk at every coverage, when the most confident answers are given first (El-Yaniv and Wiener 2010).

    Returns:
        coverage, shape (n,): k/n for k = 1..n. risk, shape (n,): the share of wrong answers among those k. Within a
        block of equal confidences the risk is its expectation over random orders of the block.
    """
    (right, score), _ = _checked(None, correct=correct, confidence=confidence)
    order = np.argsort(-score, kind="stable")
    _, block, size = np.unique(-score[order], return_inverse=True, return_counts=True)
    wrong_in_block = np.bincount(block, weights=1 - right[order], minlength=len(size))
    k = np.arange(1, len(score) + 1)
    return k / max(len(score), 1), np.cumsum((wrong_in_block / size)[block]) / k


def bootstrap_interval(
    metric: Metric, *columns: ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of a metric over resampled questions.

    Args:
        metric: One of this module, or a partial of it: called as ``metric(*columns, weights=counts)``.
        columns: What the metric takes, in its order: ``bootstrap_interval(auroc, correct, confidence)``.
        resamples: Number of resamples. Those in which the metric does not exist are left out.
        seed: The same seed and number of rows draw the same resamples, whatever the metric.
        level: Coverage asked for.

    Returns:
        (low, high). It always reaches the estimate itself: where resampling is biased (the ECE of well calibrated
        answers), the interval is widened to it. (NaN, NaN) where the metric does not exist.

    Raises:
        ValueError: Bad columns, ``resamples`` below 1, or ``level`` outside (0, 1).
    """
    estimate = metric(*columns)
    draws = _resampled({"metric": partial(metric, *columns)}, len(columns[0]), resamples, seed)["metric"]
    return _interval(draws, estimate, level)


def paired_bootstrap_difference(
    metric: Metric,
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Difference of a metric between two methods on the same questions, both resampled together.

    Args:
        metric, resamples, seed, level: As in `bootstrap_interval`.
        first: The columns of one method, for example ``(correct, confidence)``.
        second: The columns of the other, in the same order of questions.

    Returns:
        (difference, low, high) of ``metric(*first) - metric(*second)``.

    Raises:
        ValueError: The methods have different numbers of rows, or bad input as in `bootstrap_interval`.
    """
    if len(first[0]) != len(second[0]):
        raise ValueError(f"first has {len(first[0])} rows and second {len(second[0])}; expected the same questions")

    def difference(weights: np.ndarray | None = None) -> Values:
        return metric(*first, weights=weights) - metric(*second, weights=weights)

    estimate = difference()
    draws = _resampled({"difference": difference}, len(first[0]), resamples, seed)["difference"]
    return (estimate, *_interval(draws, estimate, level))


def mean_interval(values: ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of a mean, of entropies (nats) or perplexities for example; (NaN, NaN) for no values."""
    return bootstrap_interval(mean, values, resamples=resamples, seed=seed, level=level)


def summarise(predictions: Sequence[Prediction], method: str, split: str, resamples: int = 1000, seed: int = 0) -> dict:
    """One row of ``metrics.json``: every metric of a method on a split, with its 95 % interval.

    Args:
        predictions: The predictions of one method on one split.
        method: Name of the method, copied into the row.
        split: Name of the split, copied into the row.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples; methods on the same questions share them.

    Returns:
        ``method``, ``split``, ``n``, and for each metric its value and ``<metric>_ci95: [low, high]``; None where the
        number does not exist. ``ap_mixed`` ranks by the mean of answer and sure confidence, as the paper does.

    Raises:
        ValueError: A column is None in some of the predictions only.
    """
    correct = np.array([float(item.correct) for item in predictions])
    answer = _column(predictions, "answer_confidence")
    sure = _column(predictions, "sure_confidence")
    refused = _column(predictions, "refused")
    mixed = None if answer is None or sure is None else 0.5 * answer + 0.5 * sure
    metrics: dict[str, Metric | None] = {"accuracy": partial(accuracy, correct)}
    for name, score in (("ap_answer", answer), ("ap_sure", sure), ("ap_mixed", mixed)):
        metrics[name] = None if score is None else partial(average_precision, correct, score)
    for prefix, metric in (("auroc", auroc), ("ece", ece), ("brier", brier)):
        for suffix, score in (("answer", answer), ("sure", sure)):
            metrics[f"{prefix}_{suffix}"] = None if score is None else partial(metric, correct, score)
    metrics["answer_rate"] = None if refused is None else partial(answer_rate, refused)
    metrics["willing_accuracy"] = None if refused is None else partial(willing_accuracy, correct, refused)

    estimates = {name: metric() for name, metric in metrics.items() if metric is not None}
    known = {name: metrics[name] for name, value in estimates.items() if not np.isnan(value)}
    draws = _resampled(known, len(correct), resamples, seed)
    row: dict[str, object] = {"method": method, "split": split, "n": len(correct)}
    for name in metrics:
        row[name] = estimates[name] if name in known else None
        row[f"{name}_ci95"] = list(_interval(draws[name], estimates[name], 0.95)) if name in known else None
    return row


def _column(predictions: Sequence[Prediction], name: str) -> np.ndarray | None:
    values = [getattr(item, name) for item in predictions]
    missing = sum(value is None for value in values)
    if missing == len(values):
        return None
    if missing:
        raise ValueError(f"{name} is None in {missing} of {len(values)} predictions; expected all or none")
    return np.array(values, dtype=float)


def _checked(weights: ArrayLike | None, **columns: ArrayLike) -> tuple[list[np.ndarray], np.ndarray]:
    """The columns as float arrays of shape (n,), and the weights as (B, n); bad input is a ValueError with its name."""
    arrays = []
    for name, column in columns.items():
        try:
            array = np.asarray(column, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"{name} is not an array of numbers") from None
        if array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}; expected one dimension")
        expected, is_good = _RANGES[name]
        good = is_good(array)
        if not good.all():
            row = int(np.argmin(good))
            raise ValueError(f"{name} is {array[row]} in row {row + 1}; expected {expected}")
        if arrays and len(array) != len(arrays[0]):
            raise ValueError(f"{name} has {len(array)} rows, {next(iter(columns))} {len(arrays[0])}; expected as many")
        arrays.append(array)
    w = np.atleast_2d(np.ones(len(arrays[0])) if weights is None else np.asarray(weights, dtype=float))
    if w.ndim != 2 or w.shape[1] != len(arrays[0]):
        raise ValueError(f"weights has shape {np.shape(weights)}; expected (n,) or (B, n) with n = {len(arrays[0])}")
    if not (np.isfinite(w).all() and (w >= 0).all()):
        raise ValueError("weights holds a negative number, NaN or infinity; expected counts")
    return arrays, w


def _above_thresholds(right: np.ndarray, score: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of right answers and of all answers at or above each distinct confidence, highest first: two (B, k)."""
    order = np.argsort(-score, kind="stable")
    block_ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True)[: len(score)])
    w = w[:, order]
    return np.cumsum(w * right[order], axis=1)[:, block_ends], np.cumsum(w, axis=1)[:, block_ends]


def _sum(w: np.ndarray, column: np.ndarray) -> np.ndarray:
    return np.einsum("bn,n->b", w, column)  # not @: its threads vary the last digit, and stall on a busy machine


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(len(denominator), np.nan), where=denominator > 0)


def _plain(values: np.ndarray, weights: ArrayLike | None) -> Values:
    return values if np.ndim(weights) == 2 else float(values[0])


def _resampled(metrics: dict[str, Metric], n: int, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Each metric on the same resamples of n rows, in chunks of counts of shape (rows, n)."""
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; expected at least 1")
    rng, rows_at_once = np.random.default_rng(seed), max(1, _CELLS // max(n, 1))
    draws: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in metrics}
    for start in range(0, resamples if n else 0, rows_at_once):
        rows = min(rows_at_once, resamples - start)
        cells = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        counts = np.bincount(cells.ravel(), minlength=rows * n).reshape(rows, n).astype(float)
        for name, metric in metrics.items():
            draws[name].append(metric(weights=counts))
    return {name: np.concatenate(parts) for name, parts in draws.items()}


def _interval(draws: np.ndarray, estimate: float, level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number between 0 and 1")
    if np.isnan(estimate):
        return float("nan"), float("nan")
    draws = draws[~np.isnan(draws)]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) if len(draws) else (estimate, estimate)
    return min(float(low), estimate), max(float(high), estimate)
