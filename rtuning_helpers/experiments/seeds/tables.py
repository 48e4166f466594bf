"""What several seeds say together."""

from collections.abc import Sequence

import pandas as pd

SHOWN = ("accuracy", "ap_answer", "ap_sure", "ap_mixed")
SHOWN += ("answer_rate", "willing_accuracy", "refused_unread", "refused_read")


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
