"""A confidence threshold with a guarantee on the share of wrong answers above it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr
from scipy.stats import beta

from rtuning_helpers.metrics.arrays import above_thresholds, checked
from rtuning_helpers.metrics.exposure import proportion_interval


@dataclass(frozen=True)
class RiskControl:
    """A threshold and what it gives on the rows it was chosen on; all NaN where no threshold is safe."""

    threshold: float  # answer where the confidence is at least this
    coverage: float  # share of the rows that are answered
    risk: float  # share of wrong answers among those
    upper_bound: float  # of the risk


def clopper_pearson_interval(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper and Pearson 1934): too wide rather than too narrow, also for few rows.

    0 without hits, 1 without misses; (0, 1) where there are no observations.

    Raises:
        ValueError: ``hits`` outside 0 to n, or ``level`` outside (0, 1).
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits is {hits} of n = {n}; expected 0 to n")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number between 0 and 1")
    return proportion_interval(hits, n, level, "exact")


def risk_control_threshold(
    correct: ArrayLike, confidence: ArrayLike, max_risk: float, delta: float = 0.05, min_answers: int = 1
) -> RiskControl:
    """The lowest confidence threshold that keeps the share of wrong answers below a limit, with high probability.

    On new questions like these, answering where the confidence is at least the threshold has a risk above
    ``max_risk`` with probability at most ``delta``. The distinct confidences are tested from the highest downwards,
    each by whether its Clopper-Pearson upper bound at level 1 - delta is at most ``max_risk``; the first that fails
    ends the search, so that many thresholds can be tried without paying for it (fixed-sequence testing; Geifman and
    El-Yaniv 2017, Angelopoulos et al. 2021). The search begins at the first threshold with enough answers to pass at
    all: ln(delta) / ln(1 - max_risk) of them, none wrong; 29 for a risk of 0.1 at delta = 0.05. Where it begins depends
    on the confidences only, never on ``correct``: otherwise the guarantee would be lost.

    Choose the threshold on other questions than those it is reported on. Equal confidences are answered together.

    Args:
        correct: Whether each answer is right, 0 or 1, (n,).
        confidence: In [0, 1], (n,).
        max_risk: Share of wrong answers that may not be exceeded, in (0, 1).
        delta: Probability with which it may be, in (0, 1).
        min_answers: The search does not begin with fewer answers. Beginning with a few, a single wrong one among the
            most confident ends it: a larger number, fixed beforehand, finds a threshold more often.

    Returns:
        Threshold, coverage, risk and bound; all NaN where the first test fails or there are too few rows.

    Raises:
        ValueError: ``max_risk`` or ``delta`` outside (0, 1), ``min_answers`` below 1, or bad input.
    """
    for name, value in (("max_risk", max_risk), ("delta", delta)):
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}; expected a number between 0 and 1")
    if min_answers < 1:
        raise ValueError(f"min_answers is {min_answers}; expected at least 1")
    (right, score), w = checked(None, correct=correct, confidence=confidence)
    hits, answered = (column[0] for column in above_thresholds(right, score, w))
    can_pass = (1 - max_risk) ** answered <= delta  # if none of them is wrong
    tested = np.flatnonzero(can_pass & (answered >= min_answers))  # without a gap: both only grow
    passes = risk_is_low((answered - hits)[tested], answered[tested], max_risk, delta)
    passed = tested[np.logical_and.accumulate(passes)]
    if not len(passed):
        return RiskControl(*[float("nan")] * 4)
    last = passed[-1]
    wrong, count = answered[last] - hits[last], answered[last]
    bound = beta.ppf(1 - delta, wrong + 1, count - wrong)  # it passed, so that not all are wrong
    threshold = np.unique(score)[::-1][last]
    return RiskControl(*map(float, (threshold, count / len(score), wrong / count, bound)))


def risk_is_low(wrong: ArrayLike, answered: ArrayLike, max_risk: float, delta: float) -> np.ndarray:
    """Whether Clopper and Pearson's upper bound of a share of wrong answers, at level 1 - delta, is at most a limit.

    The same without the bound: whether so few wrong answers or fewer came with a probability of at most ``delta`` if
    the risk were ``max_risk``. False where nothing is answered.

    Args:
        wrong, answered: Counts of the same shape.
        max_risk, delta: In (0, 1).

    >>> risk_is_low([0, 0, 1], [28, 29, 40], max_risk=0.1, delta=0.05).tolist()
    [False, True, False]
    """
    return np.asarray(bdtr(wrong, np.asarray(answered, dtype=int), max_risk) <= delta)
