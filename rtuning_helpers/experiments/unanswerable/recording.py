"""Refusals of unanswerable questions over several seeds, and how far a run lies from them: what notebook 07 reads.

The models are tuned on five tasks, or on plain questions only (the models of notebooks 04 and 05).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import MIXTURE, RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED

if TYPE_CHECKING:
    from rtuning_helpers.experiments.unanswerable.measure import RefusalRow

METHODS = (PRETRAINED, "vanilla", "padding", "replacement")
RUNS = {MIXTURE: METHODS, "mini": (PRETRAINED, "padding", "replacement")}
"""What the models are tuned on -> the methods."""


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The rows of `measure.all_rows` and `measure.category_rows` of one run, on all sets."""
    from rtuning_helpers.experiments.unanswerable.measure import all_rows, asked_sets, category_rows, read_refusals

    found: dict[str, list[dict]] = {"rows": [], "categories": []}
    place = {"tuned_on": config.dataset, "seed": config.seed}
    for dataset in asked_sets(data_dir=config.data_dir).values():
        answers = {method: read_refusals(config, method, dataset) for method in RUNS[config.dataset]}
        found["rows"] += [place | asdict(row) for row in all_rows(answers, seed=config.seed)]
        for method, predictions in answers.items():
            for row in category_rows(method, predictions):
                found["categories"].append(place | row | {"refused": asdict(row["refused"])})
    return found


def beyond_recording(rows: Iterable["RefusalRow"], recorded: Sequence[dict]) -> float:
    """How far a run lies beyond what the recorded seeds span, at most; 0 within.

    The same seed ends elsewhere on another kind of processor, and what is refused at a border of one half moves with
    it: so a run is held against the span of the seeds, not against its own.

    Args:
        rows: Rows of `measure.all_rows`; those of methods and data sets that are not recorded are left out.
        recorded: Recorded rows of models that were tuned on the same.
    """
    distances = [0.0]
    for row in rows:
        same = [r for r in recorded if (r["dataset"], r["method"]) == (row.dataset, row.method)]
        for metric in ("recall", "over_refusal", "auroc_sure"):
            value, span = getattr(row, metric).value, [r[metric]["value"] for r in same]
            if value is not None and span and None not in span:
                distances += [min(span) - value, value - max(span)]
    return max(distances)


def over_seeds(rows: Iterable[dict], by: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Mean, lowest and highest value over the seeds of metrics that were recorded with their intervals.

    Args:
        rows: Rows of one part of the recording.
        by: The columns that name a cell, for example ``("dataset", "method")``.
        metrics: Which `measure.Estimate` to take.

    Returns:
        The columns ``by``, ``metric``, ``mean``, ``lowest``, ``highest``, ``seeds``; a metric that exists on no seed of
        a cell has no row there.
    """
    values = [[row[key] for key in by] + [metric, row[metric]["value"]] for row in rows for metric in metrics]
    frame = pd.DataFrame(values, columns=[*by, "metric", "value"]).dropna(subset="value")
    grouped = frame.groupby([*by, "metric"], sort=False)["value"]
    return grouped.agg(mean="mean", lowest="min", highest="max", seeds="size").reset_index()


RECORDING = Recording("mini/unanswerable.json", "07", measure, tuple(RunConfig(dataset=name) for name in RUNS))
