"""One row of ``metrics.json``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rtuning_helpers.metrics.answers import accuracy, answer_rate, willing_accuracy
from rtuning_helpers.metrics.arrays import Metric
from rtuning_helpers.metrics.bootstrap import percentile_interval, resampled
from rtuning_helpers.metrics.calibration import brier, ece
from rtuning_helpers.metrics.ranking import auroc, average_precision
from rtuning_helpers.predictions import Prediction


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
    answer = _column(predictions, "answer_confidence")
    sure = _column(predictions, "sure_confidence")
    refused = _column(predictions, "refused")
    mixed = None if answer is None or sure is None else 0.5 * answer + 0.5 * sure
    metrics: dict[str, Metric | None] = {"accuracy": partial(accuracy, correct)}
    for name, score in (("ap_answer", answer), ("ap_sure", sure), ("ap_mixed", mixed)):
        metrics[name] = None if score is None else partial(average_precision, correct, score)
    for prefix, metric in (("auroc", auroc), ("ece", ece), ("brier", brier)):
        for suffix, score in (("answer", answer), ("sure", sure)):
            metrics[f"{prefix}_{suffix}"] = None if score is None else partial(metric, correct, score)
    metrics["answer_rate"] = None if refused is None else partial(answer_rate, refused)
    metrics["willing_accuracy"] = None if refused is None else partial(willing_accuracy, correct, refused)

    estimates = {name: metric() for name, metric in metrics.items() if metric is not None}
    known = {name: metrics[name] for name, value in estimates.items() if not np.isnan(value)}
    draws = resampled(known, len(correct), resamples, seed)
    row: dict[str, object] = {"method": method, "split": split, "n": len(correct)}
    for name in metrics:
        row[name] = estimates[name] if name in known else None
        row[f"{name}_ci95"] = list(percentile_interval(draws[name], estimates[name], 0.95)) if name in known else None
    return row


def _column(predictions: Sequence[Prediction], name: str) -> np.ndarray | None:
    values = [getattr(item, name) for item in predictions]
    missing = sum(value is None for value in values)
    if missing == len(values):
        return None
    if missing:
        raise ValueError(f"{name} is None in {missing} of {len(values)} predictions; expected all or none")
    return np.array(values, dtype=float)
