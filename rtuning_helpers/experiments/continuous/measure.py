"""Confidence in percent against P(sure): calibration raw and after Platt's curve, paired differences, and rewards."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from rtuning_helpers import metrics, steps
from rtuning_helpers.confidence.calibrators import calibrate
from rtuning_helpers.data.questions import IN_DOMAIN
from rtuning_helpers.evaluation.summary import measured
from rtuning_helpers.experiments.estimators.measure import held_out_rows
from rtuning_helpers.experiments.real_models.measure import packed, unpacked
from rtuning_helpers.run.profiles import RunConfig

METHODS = ("pretrained", "padding", "confidence", "confidence-soft")
CALIBRATED = ", Platt"
SERIES = {  # name -> (method, which of its confidences)
    "P(sure)": ("padding", "sure"),
    "percent, text": ("confidence", "sure"),
    "percent, soft": ("confidence-soft", "sure"),
    "untuned, answer": ("pretrained", "answer"),
}
EPSILON = 1e-4  # confidences are recorded with four digits: none is nearer to 0 or 1
METRICS: dict[str, metrics.Metric] = {
    "ece": metrics.ece,
    "brier": metrics.brier,
    "nll": partial(metrics.nll, epsilon=EPSILON),
}
Columns = dict[str, tuple[np.ndarray, np.ndarray]]
"""Series -> whether each answer is right, and the confidence in it."""


def read_answers(config: RunConfig) -> list[dict]:
    """What each of the methods makes of the test questions of a run: rows as `real_models.measure.packed` makes them.

    With ``seed``, ``method``, ``split`` and ``exposure``, how often each question's fact was read.
    """
    rows = []
    for method in METHODS:
        for split in steps.evaluation_splits(config):
            found = steps.read_method_predictions(config, method, split)
            place = {"seed": config.seed, "method": method, "split": split, "exposure": [p.exposure for p in found]}
            rows.append(place | packed(found))
    return rows


def scored_columns(rows: Sequence[dict], seed: int, split: str) -> Columns:
    """Every series on the scored questions of a split, raw and calibrated.

    A third of the in-domain questions is held out, and Platt's curve is fitted there (`estimators.measure`); where the
    answers to those are all right or all wrong there is no curve.

    Args:
        rows: Those of `read_answers`.
    """
    found: Columns = {}
    recorded = {(r["seed"], r["method"], r["split"]): unpacked(r) for r in rows if r["seed"] == seed}
    for name, (method, which) in SERIES.items():
        inside, here = recorded[seed, method, IN_DOMAIN], recorded[seed, method, split]
        held = held_out_rows(len(inside["correct"]))
        scored = ~held if split == IN_DOMAIN else np.ones(len(here["correct"]), dtype=bool)
        right, stated = here["correct"][scored].astype(float), here[which][scored]
        found[name] = right, stated
        labels = inside["correct"][held].astype(float)
        if 0 < labels.sum() < len(labels):
            found[name + CALIBRATED] = right, calibrate(stated, inside[which][held], labels)
    return found


def score(columns: Columns, resamples: int = 1000, seed: int = 0) -> list[dict]:
    """ECE, Brier score and NLL of every series with 95 % intervals, a row each; its accuracy and mean confidence."""
    rows = []
    for name, (right, stated) in columns.items():
        wanted = {metric: (function, right, stated) for metric, function in METRICS.items()}
        means = {"n": len(right), "accuracy": float(right.mean()), "stated": float(stated.mean())}
        rows.append({"series": name, **means, **measured(wanted, len(right), resamples, seed)})
    return rows


def differences(columns: Columns, reference: str, metric: str = "ece", seed: int = 0) -> list[dict]:
    """A metric of every other series minus that of the reference, on the same draws of the same questions."""
    rows = []
    for name, column in columns.items():
        if name != reference:
            gap = metrics.paired_bootstrap_difference(METRICS[metric], column, columns[reference], seed=seed)
            rows.append({"series": name} | dict(zip(("difference", "low", "high"), gap, strict=True)))
    return rows


def brier_reward(right: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """Reward of each answer, 1 - (right - stated)^2: proper, so that on average nothing pays more than honesty."""
    return 1 - (np.asarray(right, dtype=float) - stated) ** 2


def linear_reward(right: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """Reward of each answer, 1 - |right - stated|: not proper, for it pays to say 0 or 1."""
    return 1 - np.abs(np.asarray(right, dtype=float) - stated)


def target_reward(right: np.ndarray, answered: np.ndarray, target: float) -> np.ndarray:
    """1 for a right answer, -t / (1 - t) for a wrong one, 0 for none: answering pays where one is surer than t.

    Args:
        right: Whether each answer is right.
        answered: Whether it is given.
        target: The t of the rule, in [0, 1).
    """
    return np.where(answered, np.where(right, 1.0, -target / (1 - target)), 0.0)
