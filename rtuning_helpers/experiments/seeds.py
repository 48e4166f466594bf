"""Results over several seeds: the recording that the kit ships, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rtuning_helpers.json_files import read_json
from rtuning_helpers.model.language_model import model_revision
from rtuning_helpers.run.profiles import RunConfig, default_out

RECORDING = Path("results") / "mini" / "seeds.json"
_SHOWN = (
    "accuracy",
    "ap_answer",
    "ap_sure",
    "ap_mixed",
    "answer_rate",
    "willing_accuracy",
    "refused_unread",
    "refused_read",
)


@dataclass(frozen=True)
class SeedSummary:
    """What several seeds say together.

    Attributes:
        table: A row for each method and split: mean, lowest and highest value over the seeds of the main metrics.
        gain: For each split, AP(padding, mix) - AP(vanilla, answer) of each seed.
        rows: The recorded rows.
    """

    table: pd.DataFrame
    gain: dict[str, list[float]]
    rows: list[dict]

    def difference_to_seed(self, report: dict) -> float | None:
        """Largest difference in accuracy or AP between a report and the recording of its seed; None without one."""
        recorded = {(r["method"], r["split"]): r for r in self.rows if r["seed"] == report["seed"]}
        differences = [
            abs(row[metric] - recorded[row["method"], row["split"]][metric])
            for row in report["rows"]
            for metric in ("accuracy", "ap_answer", "ap_sure", "ap_mixed")
            if (row["method"], row["split"]) in recorded and row[metric] is not None
        ]
        return max(differences, default=None)


def recorded_seeds(config: RunConfig) -> list[dict] | None:
    """The recorded rows over seeds; None unless they belong to the run's model and the whole mini data set."""
    path = default_out() / RECORDING
    if not config.is_whole("mini") or not path.is_file():
        return None
    recording = read_json(path)
    if recording["model_revision"] != model_revision(config.settings.model):
        return None
    return recording["rows"]


def over_seeds(rows: list[dict]) -> SeedSummary:
    """Bring the rows of several seeds together."""
    frame = pd.DataFrame(rows)
    metrics = [metric for metric in _SHOWN if metric in frame]
    grouped = frame.groupby(["method", "split"], sort=False)[metrics]
    mean, low, high = grouped.mean(), grouped.min(), grouped.max()
    table = mean.copy().astype(object)
    for metric in metrics:
        table[metric] = [
            "-" if pd.isna(m) else f"{m:.3f} ({a:.3f} to {b:.3f})"
            for m, a, b in zip(mean[metric], low[metric], high[metric], strict=True)
        ]
    value = {(r["seed"], r["method"], r["split"]): r for r in rows}
    seeds = sorted({r["seed"] for r in rows})
    gain = {
        split: [value[s, "padding", split]["ap_mixed"] - value[s, "vanilla", split]["ap_answer"] for s in seeds]
        for split in ("id", "ood")
    }
    return SeedSummary(table.reset_index(), gain, rows)
