"""The numbers of all runs as one table, in CSV and Parquet."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rtuning_helpers.batch.grid import Grid, Group
from rtuning_helpers.json_files import read_json, replacing, write_text
from rtuning_helpers.metrics.sampling_error import seed_interval
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.tuning.registry import PRETRAINED

TABLE, PARQUET, PAGE = "results.csv", "results.parquet", "results.html"
INTERVAL = "_ci95"
SETTINGS = ("profile", "model", "dataset", "tuned_on", "limit", "style", "permutations")
HEAD = ("run", *SETTINGS, "method", "seed", "split", "n")


def metrics_file(group: Group) -> Path:
    """Where the metrics of a group's runs lie."""
    return results_folder(group.config) / "metrics" / f"seed{group.config.seed}" / "metrics.json"


def collect(grid: Grid, finished: Iterable[str]) -> pd.DataFrame:
    """A row for each finished run and split, and for the untuned model that such runs start from.

    An interval stands in two columns, ``<metric>_low`` and ``<metric>_high``; what does not exist is missing.
    """
    done, rows = set(finished), []
    for group in grid.groups:
        runs = {method: group.run(method) for method in group.methods if group.run(method) in done}
        if not runs:
            continue
        try:
            metrics = read_json(metrics_file(group))
        except (OSError, ValueError):  # notebooks were chosen that measure nothing of that kind
            continue
        for row in metrics["rows"]:
            run = group.run(PRETRAINED) if row["method"] == PRETRAINED else runs.get(row["method"])
            if run is not None:
                head = {name: metrics.get(name) for name in SETTINGS} | {"run": run, "seed": metrics["seed"]}
                rows.append(head | dict(_flat(row)))
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys((*HEAD, *(name for row in rows for name in row)))))
    return frame.astype({name: "float64" for name in frame.columns if name not in HEAD})


def _flat(row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in row.items():
        if name.endswith(INTERVAL):
            low, high = value or (None, None)
            yield from ((name.replace(INTERVAL, "_low"), low), (name.replace(INTERVAL, "_high"), high))
        else:
            yield name, value


def write_tables(frame: pd.DataFrame, out: Path) -> None:
    """Write both files, each whole or not at all."""
    write_text(out / TABLE, frame.to_csv(index=False))
    with replacing(out / PARQUET) as file:
        frame.to_parquet(file, index=False)


def over_seeds(frame: pd.DataFrame, metric: str) -> tuple[float, float, float] | None:
    """Mean of a metric and its 95 % interval: over the seeds or, where there is one only, over its questions."""
    values = frame[metric].dropna().tolist() if metric in frame else []
    if not values:
        return None
    if len(values) > 1:
        mean, low, high = seed_interval(values)
        return mean, max(low, 0.0), min(high, 1.0)  # all metrics are shares
    (row,) = frame[frame[metric].notna()].to_dict("records")
    return values[0], row.get(f"{metric}_low", math.nan), row.get(f"{metric}_high", math.nan)


def sample_answers(grid: Grid, method: str, group: Group, number: int) -> list[dict[str, Any]]:
    """The first recorded answers of a run, as they stand in its predictions; none where these are cleaned away."""
    folder = results_folder(group.config) / method / f"seed{group.config.seed}" / "predictions"
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("predictions-*.jsonl"))[:1]:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if len(found) == number:
                    break
                found.append(json.loads(line))
    return found
