"""Percentile intervals of any metric of this package, by resampling questions."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from rtuning_helpers.metrics.answers import mean
from rtuning_helpers.metrics.arrays import Metric

Numbers = Sequence[float] | np.ndarray  # of shape (n,)
CELLS = 2**19  # resampling counts held at once: 4 MiB, so that the temporaries stay in tens of MiB


def bootstrap_interval(
    metric: Metric, *columns: Numbers, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of a metric over resampled questions.

    Args:
        metric: One of this package, or a partial of it: called as ``metric(*columns, weights=counts)``.
        columns: What the metric takes, in its order: ``bootstrap_interval(auroc, correct, confidence)``.
        resamples: Number of resamples. Those in which the metric does not exist are left out.
        seed: The same seed and number of rows draw the same resamples, whatever the metric.

    Returns:
        (low, high). It always reaches the estimate itself: where resampling is biased (the ECE of well calibrated
        answers), the interval is widened to it. (NaN, NaN) where the metric does not exist.

    Raises:
        ValueError: Bad columns, ``resamples`` below 1, or ``level`` outside (0, 1).
    """
    estimate = metric(*columns)
    draws = resampled({"metric": partial(metric, *columns)}, len(columns[0]), resamples, seed)["metric"]
    return percentile_interval(draws, estimate, level)


def paired_bootstrap_difference(
    metric: Metric,
    first: Sequence[Numbers],
    second: Sequence[Numbers],
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

    def difference(weights: np.ndarray | None = None) -> Any:
        return metric(*first, weights=weights) - metric(*second, weights=weights)

    estimate = difference()
    draws = resampled({"difference": difference}, len(first[0]), resamples, seed)["difference"]
    return (estimate, *percentile_interval(draws, estimate, level))


def mean_interval(values: Numbers, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of a mean, of entropies (nats) or perplexities for example; (NaN, NaN) for no values."""
    return bootstrap_interval(mean, values, resamples=resamples, seed=seed, level=level)


def resampled(metrics: dict[str, Metric], n: int, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Each metric on the same resamples of n rows, in chunks of counts of shape (rows, n)."""
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; expected at least 1")
    rng, rows_at_once = np.random.default_rng(seed), max(1, CELLS // max(n, 1))
    draws: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in metrics}
    for start in range(0, resamples if n else 0, rows_at_once):
        rows = min(rows_at_once, resamples - start)
        cells = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        counts = np.bincount(cells.ravel(), minlength=rows * n).reshape(rows, n).astype(float)
        for name, metric in metrics.items():
            draws[name].append(metric(weights=counts))
    return {name: np.concatenate(parts) for name, parts in draws.items()}


def percentile_interval(draws: np.ndarray, estimate: float, level: float) -> tuple[float, float]:
    """The middle ``level`` of the draws that exist, widened to the estimate; (NaN, NaN) where that is NaN."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number between 0 and 1")
    if np.isnan(estimate):
        return float("nan"), float("nan")
    draws = draws[~np.isnan(draws)]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) if len(draws) else (estimate, estimate)
    return min(float(low), estimate), max(float(high), estimate)
