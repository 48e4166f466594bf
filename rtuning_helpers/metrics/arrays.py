"""Columns and weights as checked arrays, and the sums that the metrics share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

Values = float | np.ndarray  # one number, or one for each row of weights
Metric = Callable[..., Values]
_BINARY = ("0 or 1", lambda x: (x == 0) | (x == 1))
_RANGES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {  # NaN is in none of them
    "correct": _BINARY,
    "refused": _BINARY,
    "correct_before": _BINARY,
    "refused_before": _BINARY,
    "forced_correct": _BINARY,
    "known": _BINARY,
    "should_abstain": _BINARY,
    "confidence": ("a number in [0, 1]", lambda x: (x >= 0) & (x <= 1)),
    "values": ("a finite number", np.isfinite),
}


def checked(weights: ArrayLike | None, **columns: ArrayLike) -> tuple[list[np.ndarray], np.ndarray]:
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


def above_thresholds(right: np.ndarray, score: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of right answers and of all answers at or above each distinct confidence, highest first: two (B, k)."""
    order = np.argsort(-score, kind="stable")
    block_ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True)[: len(score)])
    w = w[:, order]
    return np.cumsum(w * right[order], axis=1)[:, block_ends], np.cumsum(w, axis=1)[:, block_ends]


def weighted_sum(w: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The sum of a column of shape (n,) under each row of weights: (B,)."""
    return np.einsum("bn,n->b", w, column)  # not @: its threads vary the last digit, and stall on a busy machine


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Their quotient, NaN where the denominator is 0 or below."""
    return np.divide(numerator, denominator, out=np.full(np.shape(denominator), np.nan), where=denominator > 0)


def plain(values: np.ndarray, weights: ArrayLike | None) -> Values:
    """What a metric returns: the array for weights of shape (B, n), else a float."""
    return values if np.ndim(weights) == 2 else float(values[0])
