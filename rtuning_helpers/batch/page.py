"""One page of results over all runs: self-contained, without any script, and all text in it escaped."""

import base64
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rtuning_helpers import __version__
from rtuning_helpers.batch.grid import Grid, Group
from rtuning_helpers.batch.results import PAGE, PARQUET, TABLE, metrics_file, over_seeds, sample_answers
from rtuning_helpers.batch.state import FAILED, FINISHED, Event
from rtuning_helpers.json_files import write_text
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.tuning.registry import PRETRAINED, all_methods, method_label, method_looks

SHOWN_ANSWERS = 3  # of each method
HEADINGS = {
    "accuracy": "accuracy",
    "ap": "AP",
    "auroc_answer": "AUROC, answer",
    "auroc_sure": "AUROC, sure",
    "answer_rate": "answer rate",
    "willing_accuracy": "accuracy of those",
}


def write_page(grid: Grid, frame: pd.DataFrame, states: Mapping[str, Event]) -> Path:
    """Write ``results.html``, whole or not at all.

    Args:
        grid: The grid.
        frame: The numbers, from `results.collect`.
        states: What became of every run, from `state.run_states`.
    """
    runs = [_run(grid, group, method, states) for group in grid.groups for method in group.methods]
    failures = [run for run in runs if run["state"] == FAILED]
    finished = sum(run["state"] == FINISHED for run in runs)
    settings: dict[Any, list[Group]] = {}
    for group in grid.groups:
        settings.setdefault(replace(group.config, seed=0), []).append(group)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("page.html").render(
        title=f"Results of {grid.path.name}",
        counts=f"{finished:,} of {len(runs):,} runs finished, {len(failures):,} failed",
        written=time.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
        tables=[name for name in (TABLE, PARQUET) if (grid.out / name).is_file()],
        failures=failures,
        headings=list(HEADINGS.values()),
        settings=[_setting(grid, groups, frame) for groups in settings.values()],
        runs=runs,
    )
    write_text(grid.out / PAGE, text)
    return grid.out / PAGE


def _run(grid: Grid, group: Group, method: str, states: Mapping[str, Event]) -> dict[str, Any]:
    name = group.run(method)
    event = states.get(name, {})
    folder = results_folder(group.config) / "notebooks" / f"seed{group.config.seed}"
    files = [*sorted(folder.glob("*.ipynb")), *(path for path in (metrics_file(group),) if path.is_file())]
    links = [{"name": path.name, "href": quote(path.relative_to(grid.out).as_posix())} for path in files]
    return {"name": name, "state": event.get("state", "not begun"), "reason": event.get("reason", ""), "links": links}


def _setting(grid: Grid, groups: Sequence[Group], frame: pd.DataFrame) -> dict[str, Any]:
    first = groups[0]
    own = frame[frame["run"].isin({g.run(m) for g in groups for m in (PRETRAINED, *g.methods)})].copy()
    own["ap"], own["ap_low"], own["ap_high"] = _own_ranking(own)
    order = {name: place for place, name in enumerate(all_methods())}
    rows = []
    for (method, split), part in own.groupby(["method", "split"], sort=False):
        cells = [_cell(over_seeds(part, metric)) for metric in HEADINGS]
        row = {"method": method_label(method), "split": split, "seeds": len(part), "cells": cells}
        rows.append(row | {"n": f"{part['n'].iloc[0]:,}", "order": order.get(method, len(order))})
    answers = [
        {
            "method": method_label(method), "question": answer["question"], "gold": answer["answer"],
            "text": answer["prediction"], "right": "yes" if answer["correct"] else "no",
            "refused": {True: "yes", False: "no"}.get(answer["refused"], ""),
        }
        for method in first.methods
        for answer in sample_answers(grid, method, first, SHOWN_ANSWERS)
    ]  # fmt: skip
    title = first.name.rpartition("/")[0]
    return {
        "title": title, "figure": _figure(own) if len(own) else "", "rows": sorted(rows, key=lambda row: row["order"]),
        "alt": f"Average precision of every method and seed of {title}, a panel for each test", "answers": answers,
        "seed": first.config.seed,
    }  # fmt: skip


def _own_ranking(frame: pd.DataFrame) -> list[pd.Series]:
    """AP by the confidence that the method ranks by, and the ends of its interval."""
    mixed = frame["ap_mixed"].notna() if "ap_mixed" in frame else pd.Series(False, frame.index)
    return [
        frame.get(f"ap_mixed{end}", pd.Series(float("nan"), frame.index)).where(mixed, frame.get(f"ap_answer{end}"))
        for end in ("", "_low", "_high")
    ]


def _cell(found: tuple[float, float, float] | None) -> dict[str, str]:
    if found is None:
        return {"value": "-", "interval": ""}
    value, low, high = found
    return {"value": f"{value:.3f}", "interval": f"{low:.3f} to {high:.3f}" if low == low else ""}


def _figure(frame: pd.DataFrame) -> str:
    """A picture of average precisions as base64 of a PNG."""
    import matplotlib.pyplot as plt

    from rtuning_helpers.figures.panels import interval_dot_panels
    from rtuning_helpers.figures.plots import use_style

    use_style(method_looks())
    ranked = frame[frame["ap"].notna()].rename(columns={"ap": "value", "ap_low": "low", "ap_high": "high"})
    if ranked.empty:
        return ""
    order = {name: place for place, name in enumerate(all_methods())}
    ranked["order"] = ranked["method"].map(order)
    ranked = ranked.sort_values(["order", "seed"], kind="stable")
    ranked["label"] = [f"{method_label(m)}, seed {s}" for m, s in zip(ranked["method"], ranked["seed"], strict=True)]
    panels = {str(split): part.to_dict("records") for split, part in ranked.groupby("split", sort=False)}
    figure, axes = interval_dot_panels(panels, "average precision", "Average precision by run")
    labels = [row["label"] for row in next(iter(panels.values()))]
    for ax, rows in zip(axes, panels.values(), strict=True):
        for row in rows:
            ax.plot(row["accuracy"], labels.index(row["label"]), "|", color="grey", markersize=12)
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
        plt.close(figure)
        return base64.b64encode(file.getvalue()).decode()
