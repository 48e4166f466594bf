"""All metrics of one method on one split: one row of ``metrics.json``, and those that stand in no table."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from rtuning_helpers import metrics
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.metrics.bootstrap import percentile_interval, resampled


def _part_of_brier(part: str) -> metrics.Metric:
    return lambda *columns, **options: getattr(metrics.brier_decomposition(*columns, **options), part)


_OF_A_CONFIDENCE: dict[str, metrics.Metric] = {
    **{name: getattr(metrics, name) for name in "ap_lift ap_lift_normalised auroc aurc e_aurc augrc".split()},
    "risk_at_80_coverage": partial(metrics.risk_at_coverage, coverage=0.8),
    "coverage_at_5_risk": partial(metrics.coverage_at_risk, risk=0.05),
    **{name: getattr(metrics, name) for name in "ece ece_equal_mass ece_debiased ace mce brier".split()},
    **{f"brier_{part}": _part_of_brier(part) for part in ("reliability", "resolution", "uncertainty")},
    "nll": metrics.nll,
}


def summarise(predictions: Sequence[Prediction], method: str, split: str, resamples: int = 1000, seed: int = 0) -> dict:
    """One row of ``metrics.json``: every metric of a method on a split, with its 95 % interval.

    Args:
        seed: Seed of the resamples; methods on the same questions share them.

    Returns:
        ``method``, ``split``, ``n``, and for each metric its value and ``<metric>_ci95: [low, high]``; None where the
        number does not exist. ``ap_mixed`` ranks by the mean of answer and sure confidence, as the paper does.

    Raises:
        ValueError: A column is None in some of the predictions only.
    """
    correct, scores, refused = _columns(predictions)
    wanted: dict[str, tuple[Any, ...]] = {"accuracy": (metrics.accuracy, correct)}
    wanted |= {f"ap_{name}": (metrics.average_precision, correct, score) for name, score in scores.items()}
    for metric in (metrics.auroc, metrics.ece, metrics.brier):
        wanted |= {f"{metric.__name__}_{name}": (metric, correct, scores[name]) for name in ("answer", "sure")}
    wanted |= {"answer_rate": (metrics.answer_rate, refused)}
    wanted |= {"willing_accuracy": (metrics.willing_accuracy, correct, refused)}
    return {"method": method, "split": split, "n": len(correct), **measured(wanted, len(correct), resamples, seed)}


def summarise_further(predictions: Sequence[Prediction], resamples: int = 1000, seed: int = 0) -> dict:
    """The metrics that `summarise` leaves out, in the same form: of each confidence, and of the refusals.

    Returns:
        For each metric its value and ``<metric>_ci95``; None where the number does not exist. The names end in
        ``_answer``, ``_sure`` or ``_mixed`` for the confidence they are about. ``abstain_*`` take the recorded answer
        of a refused question as the forced one, so they exist where refusals come with answers (padding).

    Raises:
        ValueError: A column is None in some of the predictions only.
    """
    correct, scores, refused = _columns(predictions)
    wanted: dict[str, tuple[Any, ...]] = {"ap_no_skill": (metrics.ap_no_skill, correct)}
    for suffix, score in scores.items():
        wanted |= {f"{name}_{suffix}": (metric, correct, score) for name, metric in _OF_A_CONFIDENCE.items()}
    wanted |= {"effective_reliability": (metrics.effective_reliability, correct, refused)}
    refused_with_answer = None if scores["sure"] is None else refused
    for name in ("abstain_accuracy", "abstain_precision", "abstain_recall", "abstain_f1"):
        wanted[name] = (getattr(metrics, name), correct, refused_with_answer)
    return measured(wanted, len(correct), resamples, seed)


def _columns(predictions: Sequence[Prediction]) -> tuple[np.ndarray, dict[str, np.ndarray | None], np.ndarray | None]:
    """Correctness, the confidences by name, and the refusals; None for a column that the method does not have."""
    scores = {name: column(predictions, f"{name}_confidence") for name in ("answer", "sure", "mixed")}
    return np.array([float(item.correct) for item in predictions]), scores, column(predictions, "refused")


def measured(wanted: dict[str, tuple[Any, ...]], n: int, resamples: int, seed: int) -> dict[str, Any]:
    """Value and interval of each metric, given with its columns; None where a column is missing or the value NaN."""
    complete = {name: given for name, given in wanted.items() if all(part is not None for part in given)}
    possible = {name: partial(metric, *columns) for name, (metric, *columns) in complete.items()}
    estimates = {name: value for name, metric in possible.items() if not np.isnan(value := metric())}
    draws = resampled({name: possible[name] for name in estimates}, n, resamples, seed)
    found: dict[str, Any] = {}
    for name in wanted:
        found[name] = estimates.get(name)
        interval = percentile_interval(draws[name], estimates[name], 0.95) if name in estimates else None
        found[f"{name}_ci95"] = interval and list(interval)
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
