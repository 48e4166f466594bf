"""What several seeds say together of refusals, and how far a run lies from them."""

from collections.abc import Iterable, Sequence

import pandas as pd

from rtuning_helpers.experiments.unanswerable.measure import RefusalRow


def beyond_recording(rows: Iterable[RefusalRow], recorded: Sequence[dict]) -> float:
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
