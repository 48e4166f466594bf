"""All metrics of one method on one split: one row of ``metrics.json``, and those that stand in no table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.metrics.answers import accuracy, answer_rate, willing_accuracy
from rtuning_helpers.metrics.arrays import Metric, Values
from rtuning_helpers.metrics.bootstrap import percentile_interval, resampled
from rtuning_helpers.metrics.calibration import (
    ace,
    brier,
    brier_decomposition,
    ece,
    ece_debiased,
    ece_equal_mass,
    mce,
    nll,
)
from rtuning_helpers.metrics.ranking import (
    ap_lift,
    ap_lift_normalised,
    ap_no_skill,
    augrc,
    aurc,
    auroc,
    average_precision,
    coverage_at_risk,
    e_aurc,
    risk_at_coverage,
)
from rtuning_helpers.metrics.refusal import (
    abstain_accuracy,
    abstain_f1,
    abstain_precision,
    abstain_recall,
    effective_reliability,
)


def summarise(predictions: Sequence[Prediction], method: str, split: str, resamples: int = 1000, seed: int = 0) -> dict:
    """One row of ``metrics.json``: every metric of a method on a split, with its 95 % interval.

    Args:
        predictions: The predictions of one method on one split.
        method: Name of the method, copied into the row.
        split: Name of the split, copied into the row.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples; methods on the same questions share them.

    Returns:
        ``method``, ``split``, ``n``, and for each metric its value and ``<metric>_ci95: [low, high]``; None where the
        number does not exist. ``ap_mixed`` ranks by the mean of answer and sure confidence, as the paper does.

    Raises:
        ValueError: A column is None in some of the predictions only.
    """
    correct = np.array([float(item.correct) for item in predictions])
    answer = column(predictions, "answer_confidence")
    sure = column(predictions, "sure_confidence")
    refused = column(predictions, "refused")
    mixed = column(predictions, "mixed_confidence")
    metrics: dict[str, Metric | None] = {"accuracy": partial(accuracy, correct)}
    for name, score in (("ap_answer", answer), ("ap_sure", sure), ("ap_mixed", mixed)):
        metrics[name] = None if score is None else partial(average_precision, correct, score)
    for prefix, metric in (("auroc", auroc), ("ece", ece), ("brier", brier)):
        for suffix, score in (("answer", answer), ("sure", sure)):
            metrics[f"{prefix}_{suffix}"] = None if score is None else partial(metric, correct, score)
    metrics["answer_rate"] = None if refused is None else partial(answer_rate, refused)
    metrics["willing_accuracy"] = None if refused is None else partial(willing_accuracy, correct, refused)

    return {"method": method, "split": split, "n": len(correct), **measured(metrics, len(correct), resamples, seed)}


def summarise_further(predictions: Sequence[Prediction], resamples: int = 1000, seed: int = 0) -> dict:
    """The metrics that `summarise` leaves out, in the same form: of each confidence, and of the refusals.

    Args:
        predictions: The predictions of one method on one split.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples.

    Returns:
        For each metric its value and ``<metric>_ci95``; None where the number does not exist. The names end in
        ``_answer``, ``_sure`` or ``_mixed`` for the confidence they are about. ``abstain_*`` take the recorded answer
        of a refused question as the forced one, so they exist where refusals come with answers (padding).

    Raises:
        ValueError: A column is None in some of the predictions only.
    """
    correct = np.array([float(item.correct) for item in predictions])
    answer, sure = column(predictions, "answer_confidence"), column(predictions, "sure_confidence")
    refused = column(predictions, "refused")
    mixed = column(predictions, "mixed_confidence")
    metrics: dict[str, Metric | None] = {"ap_no_skill": partial(ap_no_skill, correct)}
    for suffix, score in (("answer", answer), ("sure", sure), ("mixed", mixed)):
        for name, metric in _OF_A_CONFIDENCE.items():
            metrics[f"{name}_{suffix}"] = None if score is None else partial(metric, correct, score)
    reliability = None if refused is None else partial(effective_reliability, correct, refused)
    metrics["effective_reliability"] = reliability
    for name, metric in _OF_FORCED_ANSWERS.items():
        forced = refused is not None and sure is not None
        metrics[name] = partial(metric, correct, refused) if forced else None
    return measured(metrics, len(correct), resamples, seed)


def _part_of_brier(part: str) -> Metric:
    def metric(correct: ArrayLike, confidence: ArrayLike, weights: ArrayLike | None = None) -> Values:
        return getattr(brier_decomposition(correct, confidence, weights), part)

    return metric


_OF_A_CONFIDENCE: dict[str, Metric] = {
    "ap_lift": ap_lift,
    "ap_lift_normalised": ap_lift_normalised,
    "auroc": auroc,
    "aurc": aurc,
    "e_aurc": e_aurc,
    "augrc": augrc,
    "risk_at_80_coverage": partial(risk_at_coverage, coverage=0.8),
    "coverage_at_5_risk": partial(coverage_at_risk, risk=0.05),
    "ece": ece,
    "ece_equal_mass": ece_equal_mass,
    "ece_debiased": ece_debiased,
    "ace": ace,
    "mce": mce,
    "brier": brier,
    "brier_reliability": _part_of_brier("reliability"),
    "brier_resolution": _part_of_brier("resolution"),
    "brier_uncertainty": _part_of_brier("uncertainty"),
    "nll": nll,
}
_OF_FORCED_ANSWERS: dict[str, Metric] = {
    "abstain_accuracy": abstain_accuracy,
    "abstain_precision": abstain_precision,
    "abstain_recall": abstain_recall,
    "abstain_f1": abstain_f1,
}


def measured(metrics: dict[str, Metric | None], n: int, resamples: int, seed: int) -> dict:
    """Each metric of n questions with its 95 % interval, ``<metric>_ci95``; both None where there is no number."""
    estimates = {name: metric() for name, metric in metrics.items() if metric is not None}
    known = {name: metrics[name] for name, value in estimates.items() if not np.isnan(value)}
    draws = resampled(known, n, resamples, seed)
    found: dict[str, object] = {}
    for name in metrics:
        found[name] = estimates[name] if name in known else None
        found[f"{name}_ci95"] = list(percentile_interval(draws[name], estimates[name], 0.95)) if name in known else None
    return found


def column(predictions: Sequence[Prediction], name: str) -> np.ndarray | None:
    """A field or property of the predictions as numbers; None where it is None in all of them.

    Raises:
        ValueError: It is None in some of them only.
    """
    values = [getattr(item, name) for item in predictions]
    missing = sum(value is None for value in values)
    if missing == len(values):
        return None
    if missing:
        raise ValueError(f"{name} is None in {missing} of {len(values)} predictions; expected all or none")
    return np.array(values, dtype=float)
