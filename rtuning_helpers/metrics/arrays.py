"""Columns and weights as checked arrays, and the sums that the metrics share."""

from collections.abc import Callable
from dataclasses import is_dataclass, replace
from functools import wraps
from inspect import Signature, signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Values = float | np.ndarray  # one number, or one for each row of weights
Metric = Callable[..., Any]  # it gives Values
Column = np.ndarray  # of shape (n,)
Counts = np.ndarray  # how often each row counts in each resample, (B, n)
_BINARY = ("0 or 1", lambda x: (x == 0) | (x == 1))
_FLAGS = "correct refused correct_before refused_before forced_correct known should_abstain".split()
_RANGES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {  # NaN is in none of them
    **dict.fromkeys(_FLAGS, _BINARY),
    "confidence": ("a number in [0, 1]", lambda x: (x >= 0) & (x <= 1)),
    "values": ("a finite number", np.isfinite),
}


def checked(weights: ArrayLike | None, **columns: ArrayLike) -> tuple[list[np.ndarray], np.ndarray]:
    """The columns as float arrays of shape (n,), and the weights as (B, n); bad input is a ValueError with its name."""
    arrays: list[np.ndarray] = []
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
    given = np.ones(len(arrays[0])) if weights is None else np.asarray(weights, dtype=float)
    w = np.atleast_2d(given)
    if w.ndim != 2 or w.shape[1] != len(arrays[0]):
        raise ValueError(f"weights has shape {given.shape}; expected (n,) or (B, n) with n = {len(arrays[0])}")
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


def ratio(numerator: np.ndarray, denominator: np.ndarray, otherwise: float = np.nan) -> np.ndarray:
    """Their quotient; NaN, or another number, where the denominator is 0 or below."""
    out = np.full(np.shape(denominator), float(otherwise))
    return np.divide(numerator, denominator, out=out, where=denominator > 0)


def share(w: np.ndarray, of: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Sum of one column over that of another, of all rows by default, under each row of weights: (B,)."""
    return ratio(weighted_sum(w, of), w.sum(axis=1) if among is None else weighted_sum(w, among))


def metric(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a metric of a function that takes checked columns (n,) and counts (B, n) and returns B values.

    The metric takes any columns; without ``weights`` each row counts once. With weights of shape (B, n) it returns an
    array of B values, else a float; a dataclass of such values field by field.
    """
    found = signature(function).parameters
    shown = Signature([p.replace(default=None) if p.name == "weights" else p for p in found.values()])
    columns = list(found)[: list(found).index("weights")]

    @wraps(function)
    def of_rows(*given: Any, **options: Any) -> Any:
        arguments = shown.bind(*given, **options).arguments
        weights = arguments.pop("weights", None)
        arrays, counts = checked(weights, **{name: arguments.pop(name) for name in columns})
        values = function(*arrays, counts, **arguments)
        if is_dataclass(values) and not isinstance(values, type):
            return replace(values, **{name: _plain(part, weights) for name, part in vars(values).items()})
        return _plain(values, weights)

    vars(of_rows)["__signature__"] = shown
    return of_rows


def _plain(values: np.ndarray, weights: Any) -> Values:
    return values if np.ndim(weights) == 2 else float(values[0])
