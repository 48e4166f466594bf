"""Thresholds with promises about an average or about the wrong answers alone, and what a shift asks of them.

As everywhere: a question is answered where the confidence is at least the threshold; a threshold is NaN, and nothing is
answered, where the promise could not be kept otherwise. Choose it on other questions than those it is reported on.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from rtuning_helpers.metrics.arrays import above_thresholds, checked


def average_risk_threshold(
    correct: ArrayLike, confidence: ArrayLike, max_risk: float, weights: ArrayLike | None = None
) -> float:
    """The lowest threshold at which, on average, at most a share ``max_risk`` of all questions is answered wrongly.

    Conformal risk control (Angelopoulos et al. 2024, theorem 1): with n questions and one more that is counted as
    answered wrongly, the share must stay at or below ``max_risk``. The average is over the choice of the n questions
    too; a refused question counts as not wrong, so that this is no promise about the answers that are given.

    Args:
        correct: Whether each answer is right, 0 or 1, (n,).
        confidence: In [0, 1], (n,).
        max_risk: Share of all questions, in (0, 1).
        weights: How much likelier each question is where the threshold will be used than here, (n,); the new question
            counts as much as the heaviest of these (Tibshirani et al. 2019). By default all alike.

    Raises:
        ValueError: ``max_risk`` outside (0, 1), or bad input.
    """
    _check_shares(max_risk=max_risk)
    (right, score), w = checked(weights, correct=correct, confidence=confidence)
    if not len(score) or not w.any():
        return float("nan")
    hits, answered = (column[0] for column in above_thresholds(right, score, w))
    new = w.max()
    safe = np.flatnonzero((answered - hits + new) / (w.sum() + new) <= max_risk)
    return float(np.unique(score)[::-1][safe[-1]]) if len(safe) else float("nan")


def wrong_answer_threshold(correct: ArrayLike, confidence: ArrayLike, max_rate: float, delta: float = 0.05) -> float:
    """The lowest threshold at which at most a share ``max_rate`` of what would be wrong is answered, most probably.

    The control of Type-I errors of FactTest (Nie et al. 2024): of the m wrong answers in ascending order of confidence
    the k-th is the border, k the smallest with P(Binomial(m, 1 - max_rate) >= k) at most ``delta``. The promise fails
    with probability ``delta`` at most; it says nothing about the share of wrong ones among the answers that are given,
    which hangs on how many right ones there are.

    Args:
        correct, confidence: As in `average_risk_threshold`.
        max_rate: Share of the wrong answers, in (0, 1).
        delta: Probability with which it may be exceeded, in (0, 1).

    Raises:
        ValueError: ``max_rate`` or ``delta`` outside (0, 1), or bad input.
    """
    _check_shares(max_rate=max_rate, delta=delta)
    (right, score), _ = checked(None, correct=correct, confidence=confidence)
    wrong = np.sort(score[right == 0])
    enough = np.flatnonzero(binom.sf(np.arange(len(wrong)), len(wrong), 1 - max_rate) <= delta)
    if not len(enough) or wrong[enough[0]] == 1:
        return float("nan")
    return float(np.nextafter(wrong[enough[0]], 2))  # above it


def thinned(weights: ArrayLike, seed: int = 0) -> np.ndarray:
    """Which questions to keep so that those kept look as if drawn where the weights lead.

    Each is kept with the probability of its weight over the largest. What is promised of questions that are drawn alike
    holds for those kept, there, if the weights are right (rejection sampling; Park et al. 2022). It costs questions: on
    average the mean weight over the largest is kept.

    Args:
        weights: How much likelier each question is there than here, at least 0, (n,).
        seed: Of the draw.

    Returns:
        Booleans, (n,).

    Raises:
        ValueError: Weights that are negative, not finite or all 0.
    """
    w = np.asarray(weights, dtype=float)
    if w.ndim != 1 or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise ValueError("weights holds a negative number, NaN, infinity or nothing above 0; expected density ratios")
    return np.random.default_rng(seed).random(len(w)) < w / w.max()


def _check_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}; expected a number between 0 and 1")
