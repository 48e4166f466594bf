"""Shares of right and of answered questions, and what the paper ranks and refuses by."""

import numpy as np
from numpy.typing import ArrayLike

from rtuning_helpers.metrics.arrays import Column, Counts, metric, share

WILLING = 0.5  # a model that says how sure it is answers where P(sure) is above this (released evaluator)


def mixed_confidence(answer: ArrayLike, sure: ArrayLike) -> np.ndarray:
    """What the paper ranks by: half the answer confidence and half the sure confidence, shape as given."""
    return 0.5 * np.asarray(answer, dtype=float) + 0.5 * np.asarray(sure, dtype=float)


@metric
def accuracy(correct: Column, weights: Counts) -> np.ndarray:
    """Share of right answers; a refusal counts as not right."""
    return share(weights, correct)


@metric
def answer_rate(refused: Column, weights: Counts) -> np.ndarray:
    """Share of the questions that were answered (coverage)."""
    return share(weights, 1 - refused)


@metric
def willing_accuracy(correct: Column, refused: Column, weights: Counts) -> np.ndarray:
    """Share of right answers among the answered questions (paper eq. 3); NaN where all are refused.

    >>> round(float(willing_accuracy([True, False, False, True], [False, False, True, False])), 3)
    0.667
    """
    return share(weights, correct * (1 - refused), among=1 - refused)


@metric
def mean(values: Column, weights: Counts) -> np.ndarray:
    """Mean of any finite numbers; NaN for none."""
    return share(weights, values)
