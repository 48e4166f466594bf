"""Means over a count, and the correlation of two orders."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from rtuning_helpers.metrics.by_count import mean_by_count, rank_correlation


def test_bins_hold_as_many_rows_and_equal_counts_stay_together():
    counts = [0] * 50 + list(range(1, 51))
    rows = mean_by_count(counts, [0.0] * 50 + [1.0] * 50, bins=4)
    assert [(r["n"], r["lowest"], r["highest"], r["middle"]) for r in rows] == [
        (50, 0, 0, 0),
        (25, 1, 25, 13),
        (25, 26, 50, 38),
    ]
    assert [(r["mean"], r["low"], r["high"]) for r in rows] == [(0, 0, 0), (1, 1, 1), (1, 1, 1)]
    assert sum(r["n"] for r in mean_by_count(range(37), [0.5] * 37)) == 37
    assert len(mean_by_count([3, 3, 3], [0, 1, 1])) == 1 and mean_by_count([], []) == []
    with pytest.raises(ValueError, match="values has 1 rows, counts 2; expected as many"):
        mean_by_count([1, 2], [1])


def test_the_correlation_is_spearmans_and_its_interval_holds_it():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 1000, size=300)
    values = np.log1p(counts) + rng.normal(size=300)
    found, low, high = rank_correlation(counts, values)
    assert found == pytest.approx(spearmanr(counts, values).statistic) and low < found < high and high - low < 0.3
    assert rank_correlation(np.log1p(counts), values)[0] == pytest.approx(found)  # the order alone counts
    for one, other in (([1, 1, 1], [0, 1, 2]), ([0, 1, 2], [1, 1, 1]), ([], [])):
        assert np.isnan(rank_correlation(one, other)).all()
    assert rank_correlation([1, 2], [1, 2], resamples=50) == pytest.approx((1, 1, 1))
    with pytest.raises(ValueError, match="values has 3 rows"):
        rank_correlation([1], [1, 2, 3])
