"""Figures of refusals on unanswerable and answerable questions; each function returns (figure, axes).

``title`` is the finding, ``xlabel`` a quantity. Colours and dashes of methods are those of `figures.plots`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rtuning_helpers.experiments.unanswerable.measure import Estimate, RefusalRow
from rtuning_helpers.figures.layout import Panels, finish_panels, panel_grid
from rtuning_helpers.figures.plots import draw_histograms, series_styles


def refusal_dots(panels: Mapping[str, Mapping[str, Mapping[str, Estimate]]], title: str) -> Panels:
    """Shares of refused questions with their intervals, from 0 to 100 %; numbers that do not exist are left out.

    Args:
        panels: panel -> row -> series -> share. The series of a row are drawn one below the other; a series keeps its
            colour and its marker everywhere, a method those that it has in all figures.
    """
    labels = list(dict.fromkeys(label for rows in panels.values() for label in rows))
    series = list(dict.fromkeys(name for rows in panels.values() for found in rows.values() for name in found))
    height = (0.24 * len(series) + 0.2) * len(labels) + 1.5
    fig, axes = panel_grid(len(panels), 3.1, height, margin=2.2, sharex=True, sharey=True)
    shifts = {name: (i - (len(series) - 1) / 2) * 0.7 / len(series) for i, name in enumerate(series)}
    drawn, styles = {}, series_styles(series)
    for ax, (panel, rows) in zip(axes, panels.items(), strict=True):
        for label, found in rows.items():
            for name, estimate in found.items():
                if estimate.value is not None:
                    (x, xerr), y = _percent(estimate), labels.index(label) + shifts[name]
                    drawn[name] = ax.errorbar(x, y, xerr=xerr, capsize=3, **styles[name] | {"linestyle": "none"})
        ax.set(xlabel="refused [%]", title=panel, xlim=(-4, 104))
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].set_ylim(len(labels) - 0.5, -0.5)
    legend = {styles[name]["label"]: drawn[name] for name in series if name in drawn and len(series) > 1}
    return finish_panels((fig, axes), title, legend, min(len(series), 4))


def refusal_plane(
    points: Mapping[str, Sequence[RefusalRow]],
    curves: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    title: str,
) -> Panels:
    """Refusals of unanswerable questions over refusals of answerable ones, a panel a data set.

    The upper left corner is perfect, always answering is the lower left corner, always refusing the upper right one,
    and who refuses blindly stands on the thin line between them.

    Args:
        points: data set -> rows: where each method stands, with its intervals. Rows without one half are left out.
        curves: data set -> method -> (over-refusal, recall), 0 to 1: where a threshold on its confidence can bring it.
    """
    fig, axes = panel_grid(len(points), 3.2, 4.3, sharex=True, sharey=True)
    drawn: dict[str, Any] = {}
    styles = series_styles(
        [*(row.method for rows in points.values() for row in rows), *(m for c in curves.values() for m in c)]
    )
    for ax, (name, rows) in zip(axes, points.items(), strict=True):
        drawn["blind refusing"] = ax.plot([0, 100], [0, 100], color="black", linewidth=0.6)[0]
        for method, (over, recall) in curves.get(name, {}).items():
            look, label = styles[method] | {"marker": None}, f"{styles[method]['label']}, any threshold"
            line = np.asarray(over) * 100, np.asarray(recall) * 100
            drawn[label] = ax.plot(*line, linewidth=1.4, **look | {"label": label})[0]
        for row in rows:
            if row.over_refusal.value is None or row.recall.value is None:
                continue
            look = styles[row.method] | {"linestyle": "none", "markersize": 7, "markeredgecolor": "black"}
            (x, xerr), (y, yerr) = _percent(row.over_refusal), _percent(row.recall)
            drawn[look["label"]] = ax.errorbar(x, y, xerr=xerr, yerr=yerr, capsize=3, **look)
        ax.set(xlabel="answerable questions refused [%]", title=name, xlim=(-4, 104), ylim=(-4, 104), aspect="equal")
    axes[0].set_ylabel("unanswerable questions refused [%]")
    return finish_panels((fig, axes), title, drawn, min(len(drawn), 3))


def confidence_by_half(
    panels: Mapping[str, tuple[Sequence[bool], Sequence[float]]], xlabel: str, title: str, border: float | None = None
) -> Panels:
    """Histograms of a confidence on answerable and unanswerable questions, each as shares of its own half.

    Args:
        panels: panel -> (whether each question is answerable, confidence in [0, 1]).
        xlabel: Which confidence.
        border: Where to draw a vertical line: the confidence up to which is refused.
    """
    fig, axes = panel_grid(len(panels), 3.5, 3.3, sharex=True, sharey=True)
    edges = np.linspace(0, 1, 21)
    for ax, (name, (answerable, confidence)) in zip(axes, panels.items(), strict=True):
        mask, values = np.asarray(answerable, dtype=bool), np.asarray(confidence, dtype=float)
        draw_histograms(ax, {"answerable": values[mask], "unanswerable": values[~mask]}, edges)
        if border is not None:
            ax.axvline(border, color="black", linestyle="--", linewidth=1)
        ax.set(xlabel=xlabel, title=name)
    axes[0].set_ylabel("share of the half [%]")
    return finish_panels((fig, axes), title)


def _percent(estimate: Estimate) -> tuple[float, list[list[float]]]:
    bounds = np.array([estimate.value, estimate.low, estimate.high], dtype=float)
    value, low, high = (100 * bounds).tolist()
    return value, [[value - low], [high - value]]
