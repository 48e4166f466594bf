"""Rates by exposure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtuning_helpers.metrics.exposure import EXPOSURE_BINS, proportion_interval, rate_by_exposure


def test_every_exposure_falls_into_one_bin():
    for exposure in [*range(0, 2000), 10**9]:
        assert sum(low <= exposure <= high for _, low, high in EXPOSURE_BINS) == 1


def test_rates_by_hand():
    exposures = [0, 0, 0, 0, 1, 2, 6, 61, 500]
    outcomes = [False, True, False, False, True, False, True, True, True]
    rows = rate_by_exposure(exposures, outcomes)
    assert [(r["exposure"], r["n"], r["rate"]) for r in rows] == [
        ("0", 4, 0.25),
        ("1-2", 2, 0.5),
        ("3-6", 1, 1.0),
        ("61+", 2, 1.0),
    ]  # bins without questions are left out
    assert rate_by_exposure([], []) == []


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError):
        rate_by_exposure([0, 1], [True])


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 0, 0, 1), (5, 10, 0.2366, 0.7634), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_intervals_known_from_the_literature(hits, n, low, high):
    assert proportion_interval(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=1))
def test_no_row_is_lost(rows):
    table = rate_by_exposure([e for e, _ in rows], [o for _, o in rows])
    assert sum(row["n"] for row in table) == len(rows)
    assert sum(row["n"] * row["rate"] for row in table) == pytest.approx(sum(o for _, o in rows))
    assert all(0 <= row["low"] <= row["rate"] <= row["high"] <= 1 for row in table)
