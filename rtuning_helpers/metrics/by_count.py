"""A quantity over how well known something is: means in bins of a count, and the correlation of both orders."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from rtuning_helpers.metrics.bootstrap import mean_interval, percentile_interval

BINS = 8


def mean_by_count(counts: Sequence[int], values: Sequence[float], bins: int = BINS, seed: int = 0) -> list[dict]:
    """Mean of a quantity in bins of a count that hold about as many rows each; equal counts stay together.

    Counts such as page views or documents span many powers of ten, so bins of equal width would be empty or hold all.

    Args:
        counts: How often, at least 0 (views, documents).
        values: The quantity, of the same rows.
        bins: How many bins at most; fewer where many counts are equal.
        seed: Of the bootstrap.

    Returns:
        Rows from the lowest count to the highest: ``n``, ``lowest``, ``highest`` and ``middle`` (the median) of the
        bin's counts, ``mean``, ``low`` and ``high`` (95 %, bootstrap over rows).

    Raises:
        ValueError: Lengths that differ.

    >>> [(row["lowest"], row["highest"], row["mean"]) for row in mean_by_count([0, 0, 5, 90], [0, 1, 0.5, 1], bins=2)]
    [(0, 0, 0.5), (5, 90, 0.75)]
    """
    known, found = _columns(counts, values)
    if not len(known):
        return []
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf"))
    place = np.searchsorted(edges, known, side="left")
    rows = []
    for number in np.unique(place):
        there, part = known[place == number], found[place == number]
        low, high = mean_interval(part, seed=seed)
        about = {"n": len(part), "lowest": int(there.min()), "highest": int(there.max())}
        means = {"middle": float(np.median(there)), "mean": float(part.mean()), "low": low, "high": high}
        rows.append({**about, **means})
    return rows


def rank_correlation(
    counts: Sequence[int], values: Sequence[float], resamples: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Spearman's correlation of a count and a quantity, with its 95 % bootstrap interval over rows.

    It asks for the order alone, so that the count's logarithm gives the same. Ranks are those of all rows, in every
    resample.

    Returns:
        (correlation, low, high); NaN where one of both is the same everywhere.

    Raises:
        ValueError: Lengths that differ.
    """
    known, found = _columns(counts, values)
    if not len(known) or len(np.unique(known)) < 2 or len(np.unique(found)) < 2:
        return float("nan"), float("nan"), float("nan")
    ranks = np.array([rankdata(known), rankdata(found)])
    rng, n = np.random.default_rng(seed), len(known)
    estimate = float(np.corrcoef(ranks)[0, 1])
    with np.errstate(invalid="ignore"):  # a resample in which all rows are equal has no correlation
        draws = [np.corrcoef(ranks[:, rng.integers(n, size=n)])[0, 1] for _ in range(resamples)]
    return (estimate, *percentile_interval(np.array(draws), estimate, 0.95))


def _columns(counts: Sequence[int], values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    known, found = np.asarray(counts), np.asarray(values, dtype=float)
    if len(known) != len(found):
        raise ValueError(f"values has {len(found)} rows, counts {len(known)}; expected as many")
    return known, found
