"""Post-hoc calibration: turn a confidence into a probability with a few labelled answers that are held out.

Each fit function takes confidences in [0, 1] and whether the answers were right, and returns a function from
confidences to probabilities. Temperature and isotonic regression keep the ranking (isotonic makes ties); Platt's curve
turns it round where confident answers are wrong more often.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rtuning_helpers.metrics.arrays import checked

Calibrator = Callable[[ArrayLike], np.ndarray]
EPSILON = 1e-6  # confidences are kept this far from 0 and 1 before their log-odds are taken
TEMPERATURES = (0.05, 20.0)


def fit_temperature(confidence: ArrayLike, correct: ArrayLike) -> Calibrator:
    """One number that divides the log-odds (Guo et al. 2017, for a binary confidence), chosen by log-likelihood.

    It cannot move a confidence across one half; a single class of labels pushes it to the end of its range.

    Raises:
        ValueError: No rows, lengths that differ, labels that are not 0/1, confidences outside [0, 1].
    """
    score, right = _checked(confidence, correct)
    odds = log_odds(score)

    def loss(log_temperature: float) -> float:
        scaled = odds / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - right * scaled))

    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded").x
    return lambda values: expit(_odds(values) / np.exp(found))


def fit_platt(confidence: ArrayLike, correct: ArrayLike) -> Calibrator:
    """A logistic curve over the log-odds: slope and shift (Platt 1999), with his smoothed targets.

    Raises:
        ValueError: As `fit_temperature`, and if all answers are right or all are wrong.
    """
    score, right = _checked(confidence, correct)
    if len(set(right.tolist())) < 2:
        raise ValueError("correct holds one class only; expected right and wrong answers")
    positives, negatives = right.sum(), (1 - right).sum()
    # Platt's targets keep the curve from running to 0 and 1 on separable data: each row counts for both classes.
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    target = np.where(right == 1, high, low)
    odds = log_odds(score)[:, None]
    labels, weights = np.repeat([1, 0], len(odds)), np.concatenate([target, 1 - target])
    model = LogisticRegression(C=1e6).fit(np.concatenate([odds, odds]), labels, sample_weight=weights)
    return lambda values: model.predict_proba(_odds(values)[:, None])[:, 1]


def fit_isotonic(confidence: ArrayLike, correct: ArrayLike) -> Calibrator:
    """The best rising step function (Zadrozny and Elkan 2002); it needs the most rows and makes ties.

    Raises:
        ValueError: As `fit_temperature`.
    """
    score, right = _checked(confidence, correct)
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, right)
    return lambda values: model.predict(checked(None, confidence=values)[0][0])


CALIBRATORS: dict[str, Callable[[ArrayLike, ArrayLike], Calibrator]] = {
    "temperature": fit_temperature,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
}


def calibrate(
    confidence: ArrayLike, held_out: ArrayLike, held_out_correct: ArrayLike, method: str = "platt"
) -> np.ndarray:
    """Calibrate confidences with a calibrator fitted on held-out rows.

    Args:
        confidence: What to calibrate, shape (n,); NaN (an answer that could not be parsed) stays NaN.
        held_out: Confidences of other questions, shape (m,); rows with NaN are left out.
        held_out_correct: Whether those were answered right, shape (m,).
        method: ``temperature``, ``platt`` or ``isotonic``.

    Raises:
        ValueError: Unknown method, or bad rows as in the fit functions.
    """
    if method not in CALIBRATORS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(CALIBRATORS)}")
    fitted, labels, values = (np.asarray(a, dtype=float) for a in (held_out, held_out_correct, confidence))
    if len(fitted) != len(labels):
        raise ValueError(f"held_out has {len(fitted)} rows, held_out_correct {len(labels)}; expected as many")
    kept, known = ~np.isnan(fitted), ~np.isnan(values)
    calibrator, found = CALIBRATORS[method](fitted[kept], labels[kept]), np.full(len(values), np.nan)
    if known.any():
        found[known] = calibrator(values[known])
    return found


def _checked(confidence: ArrayLike, correct: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    (score, right), _ = checked(None, confidence=confidence, correct=correct)
    if not len(score):
        raise ValueError("confidence is empty; expected at least one held-out row")
    return score, right


def _odds(confidence: ArrayLike) -> np.ndarray:
    return log_odds(checked(None, confidence=confidence)[0][0])


def log_odds(confidence: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), kept finite."""
    return logit(np.clip(confidence, EPSILON, 1 - EPSILON))
