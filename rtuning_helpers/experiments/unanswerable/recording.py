"""Refusals of unanswerable questions over several seeds: the recording that notebook 07 reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic

import pandas as pd

from rtuning_helpers import steps
from rtuning_helpers.experiments.unanswerable.measure import (
    RefusalRow,
    all_rows,
    asked_sets,
    category_rows,
    read_refusals,
)
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.language_model import MINI, MINI_TASKS, model_revision
from rtuning_helpers.run.profiles import RunConfig, default_out

RECORDING = Path("results") / "mini" / "unanswerable.json"
METHODS = (steps.PRETRAINED, "vanilla", "padding", "replacement")
# What the models are tuned on, and how: five tasks, or plain questions only (the models of notebooks 04 and 05).
TUNED_ON = {"multitask": METHODS, "mini": (steps.PRETRAINED, "padding", "replacement")}


def measure(config: RunConfig, methods: Sequence[str] = METHODS) -> dict[str, list[dict]]:
    """The rows of `unanswerable.all_rows` and `unanswerable.category_rows` of one run, on all sets."""
    found: dict[str, list[dict]] = {"rows": [], "categories": []}
    for dataset in asked_sets(data_dir=config.data_dir).values():
        answers, start = {}, monotonic()
        for method in methods:
            answers[method] = read_refusals(config, method, dataset)
        print(f"tuned on {config.dataset}, seed {config.seed}, {dataset}: {monotonic() - start:.0f} s", flush=True)
        place = {"tuned_on": config.dataset, "seed": config.seed}
        found["rows"] += [place | asdict(row) for row in all_rows(answers, seed=config.seed)]
        for method in methods:
            for row in category_rows(method, answers[method]):
                found["categories"].append(place | row | {"refused": asdict(row["refused"])})
    return found


def record(configs: Sequence[RunConfig]) -> Path:
    """Measure the given runs with models tuned on each of ``TUNED_ON``, and write the recording."""
    runs = [(replace(config, dataset=name), methods) for name, methods in TUNED_ON.items() for config in configs]
    found = [measure(config, methods) for config, methods in runs]
    rows = {part: [row for one in found for row in one[part]] for part in found[0]}
    path = default_out() / RECORDING
    write_json(path, {"schema_version": 1, "profile": "mini", "model_revisions": _revisions(), **rows})
    return path


def recorded_refusals() -> dict | None:
    """The recording over seeds that ships with the kit; None where there is none for these mini models."""
    path = default_out() / RECORDING
    recording = read_json(path) if path.is_file() else {}
    return recording if recording and recording.get("model_revisions") == _revisions() else None


def beyond_recording(rows: Iterable[RefusalRow], recorded: Iterable[dict]) -> float:
    """How far a run lies beyond what the recorded seeds span, at most; 0 within.

    The same seed ends elsewhere on another kind of processor, and what is refused at a border of one half moves with
    it: so a run is held against the span of the seeds, not against its own.

    Args:
        rows: Rows of `unanswerable.all_rows`; those of methods and data sets that are not recorded are left out.
        recorded: Recorded rows of models that were tuned on the same.
    """
    recorded, distances = list(recorded), [0.0]
    for row in rows:
        same = [r for r in recorded if (r["dataset"], r["method"]) == (row.dataset, row.method)]
        for metric in ("recall", "over_refusal", "auroc_sure"):
            value, span = getattr(row, metric).value, [r[metric]["value"] for r in same]
            if value is not None and span and None not in span:
                distances += [min(span) - value, value - max(span)]
    return max(distances)


def _revisions() -> dict[str, str | None]:
    return {name: model_revision(name) for name in (MINI, MINI_TASKS)}


def over_seeds(rows: Iterable[dict], by: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Mean, lowest and highest value over the seeds of metrics that were recorded with their intervals.

    Args:
        rows: Rows of one part of the recording.
        by: The columns that name a cell, for example ``("dataset", "method")``.
        metrics: Which `unanswerable.Estimate` to take.

    Returns:
        The columns ``by``, ``metric``, ``mean``, ``lowest``, ``highest``, ``seeds``; a metric that exists on no seed of
        a cell has no row there.
    """
    values = [
        {key: row[key] for key in by} | {"metric": metric, "value": row[metric]["value"]}
        for row in rows
        for metric in metrics
        if row[metric]["value"] is not None
    ]
    frame = pd.DataFrame(values, columns=[*by, "metric", "value"])
    grouped = frame.groupby([*by, "metric"], sort=False)["value"]
    table = grouped.agg(mean="mean", lowest="min", highest="max", seeds="size")
    return table.reset_index()
