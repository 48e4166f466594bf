"""The metrics of a run, what is refused of the facts never read and of those read often; what seeds say together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.metrics.exposure import READ_OFTEN, UNREAD
from rtuning_helpers.run.profiles import RunConfig

SHOWN: tuple[str, ...] = ("accuracy", "ap_answer", "ap_sure", "ap_mixed")
SHOWN += ("answer_rate", "willing_accuracy", "refused_unread", "refused_read")


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The rows of ``metrics.json`` of a run, each with its refusal rates."""
    rows = []
    for row in steps.read_metrics(config)["rows"]:
        predictions = steps.read_method_predictions(config, row["method"], row["split"])
        rows.append({"seed": config.seed, **row, **refusal_rates(predictions)})
    return {"rows": rows}


def refusal_rates(predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Share refused of the facts that the corpus never states, and of those that it states more than 60 times.

    None for a method that cannot refuse, and where nobody knows what the corpus states.
    """
    if any(p.refused is None or p.exposure is None for p in predictions):
        return {"refused_unread": None, "refused_read": None}
    refused, exposure = (np.array([getattr(p, name) for p in predictions]) for name in ("refused", "exposure"))
    return {
        "refused_unread": float(refused[exposure == UNREAD].mean()),
        "refused_read": float(refused[exposure >= READ_OFTEN].mean()),
    }


def over_seeds(rows: Sequence[dict]) -> pd.DataFrame:
    """A row for each method and split: mean, lowest and highest value over the seeds of the main metrics, as text."""
    grouped = pd.DataFrame(rows).groupby(["method", "split"], sort=False)

    def text(values: pd.Series) -> str:
        return "-" if values.isna().all() else f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})"

    return grouped[list(SHOWN)].agg(text).reset_index()


def gain(rows: Sequence[dict]) -> dict[str, list[float]]:
    """For each split, AP(padding, mix) - AP(vanilla, answer) of each seed."""
    value = {(r["seed"], r["method"], r["split"]): r for r in rows}
    seeds = sorted({r["seed"] for r in rows})
    return {
        split: [value[s, "padding", split]["ap_mixed"] - value[s, "vanilla", split]["ap_answer"] for s in seeds]
        for split in ("id", "ood")
    }


def difference_to_seed(rows: Sequence[dict], report: dict) -> float | None:
    """Largest difference in accuracy or AP between a report and the recorded rows of its seed; None without one."""
    recorded = {(r["method"], r["split"]): r for r in rows if r["seed"] == report["seed"]}
    differences = [
        abs(row[metric] - recorded[row["method"], row["split"]][metric])
        for row in report["rows"]
        for metric in SHOWN[:4]
        if (row["method"], row["split"]) in recorded and row[metric] is not None
    ]
    return max(differences, default=None)
