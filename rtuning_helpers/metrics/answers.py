"""Shares of right and of answered questions, and what the paper ranks and refuses by."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rtuning_helpers.metrics.arrays import Values, checked, plain, ratio, weighted_sum

WILLING = 0.5  # a model that says how sure it is answers where P(sure) is above this (released evaluator)


def mixed_confidence(answer: ArrayLike, sure: ArrayLike) -> np.ndarray:
    """What the paper ranks by: half the answer confidence and half the sure confidence, shape as given."""
    return 0.5 * np.asarray(answer, dtype=float) + 0.5 * np.asarray(sure, dtype=float)


def accuracy(correct: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Share of right answers; a refusal counts as not right."""
    (right,), w = checked(weights, correct=correct)
    return plain(ratio(weighted_sum(w, right), w.sum(axis=1)), weights)


def answer_rate(refused: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Share of the questions that were answered (coverage)."""
    (refusal,), w = checked(weights, refused=refused)
    return plain(ratio(weighted_sum(w, 1 - refusal), w.sum(axis=1)), weights)


def willing_accuracy(correct: ArrayLike, refused: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Share of right answers among the answered questions (paper eq. 3); NaN where all are refused."""
    (right, refusal), w = checked(weights, correct=correct, refused=refused)
    return plain(ratio(weighted_sum(w, right * (1 - refusal)), weighted_sum(w, 1 - refusal)), weights)


def mean(values: ArrayLike, weights: ArrayLike | None = None) -> Values:
    """Mean of any finite numbers; NaN for none."""
    (numbers,), w = checked(weights, values=values)
    return plain(ratio(weighted_sum(w, numbers), w.sum(axis=1)), weights)
