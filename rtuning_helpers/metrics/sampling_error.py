"""How large is the sampling error of a number that was printed without one?"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, ndtri
from scipy.stats import t as student

from rtuning_helpers.metrics.ranking import average_precision

_REFERENCE_ROWS = 20_000


def proportion_half_width(share: float, n: float, level: float = 0.95) -> float:
    """Half of the interval of a share of n questions (normal approximation), in the unit of ``share`` (0 to 1).

    Raises:
        ValueError: ``share`` outside [0, 1], or n below 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; expected a number in [0, 1]")
    if n < 1:
        raise ValueError(f"n is {n}; expected at least 1")
    return NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(share * (1 - share) / n)


def ap_half_width(
    ap: float, accuracy: float, n: int, *, samples: int = 200, seed: int = 0, level: float = 0.95
) -> float:
    """Half of the interval of an average precision over n questions of which a known share is answered right.

    An AP alone does not say how far it may be off; AP, accuracy and n together nearly do. Confidences of right and
    wrong answers are taken as two normal curves of equal width, as far apart as the AP asks for; from these, many tests
    of n questions are drawn, and the middle ``level`` of their APs is measured.

    Args:
        ap: The printed average precision, 0 to 1.
        accuracy: The share of right answers, 0 to 1; an AP below it is drawn as a random ranking.
        level: Share of the drawn APs that the interval holds.

    Raises:
        ValueError: A share outside (0, 1), or n below 2.
    """
    for name, value in (("ap", ap), ("accuracy", accuracy)):
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}; expected a number between 0 and 1")
    if n < 2:
        raise ValueError(f"n is {n}; expected at least 2")
    distance = _distance(ap, accuracy)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(samples):
        right = rng.random(n) < accuracy
        if right.any():
            drawn.append(average_precision(right, expit(rng.normal(size=n) + distance * right)))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(high - low) / 2


def _distance(ap: float, accuracy: float) -> float:
    """Distance between the two curves, in widths, at which a large test has this AP."""
    right = np.arange(_REFERENCE_ROWS) < accuracy * _REFERENCE_ROWS
    hits = int(right.sum())
    quantiles = np.concatenate([_normal_quantiles(hits), _normal_quantiles(_REFERENCE_ROWS - hits)])

    def excess(distance: float) -> float:
        return average_precision(right, expit(quantiles + distance * right)) - ap

    if excess(0.0) >= 0:
        return 0.0
    return brentq(excess, 0.0, 20.0, xtol=1e-3)


def _normal_quantiles(count: int) -> np.ndarray:
    return ndtri((np.arange(count) + 0.5) / count)


def seed_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """(mean, low, high) of a quantity measured once on each of a few seeds, by Student's t.

    It says where the mean over *seeds* lies, on these questions; with three seeds it is wide (4.3 standard errors).

    Raises:
        ValueError: Fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"values has {len(values)} entries; an interval over seeds needs at least 2")
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(student.ppf(0.5 + level / 2, len(values) - 1)) * error
    return mean, mean - half, mean + half
