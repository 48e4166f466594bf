"""Figures that compare several tasks (notebook 06); each function returns (figure, axes).

``title`` is the finding, ``ylabel`` a quantity with its unit.
Series differ in colour and marker, and heatmaps carry their numbers, so that a figure can be read without colours.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from rtuning_helpers.figures.contrast import readable_on
from rtuning_helpers.figures.layout import panel_grid
from rtuning_helpers.figures.plots import series_styles


def dots_by_task(
    series: Mapping[str, Sequence[Mapping]], ylabel: str, title: str, lines: Mapping[str, float] | None = None
) -> tuple[Figure, Axes]:
    """Shares in percent with an interval, a group of dots for each task, a look for each series.

    Args:
        series: series -> rows with ``task``, ``value``, ``low`` and ``high`` (0 to 1). The tasks stand in the order of
            the first series; a method has the colour that it has in all figures.
        lines: For each task a value to compare with (0 to 1), drawn as a short black line: chance, say.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.3))
    tasks = [row["task"] for row in next(iter(series.values()))]
    offsets = np.linspace(-0.22, 0.22, len(series)) if len(series) > 1 else [0.0]
    styles = series_styles(series)
    for offset, (name, rows) in zip(offsets, series.items(), strict=True):
        x = np.array([tasks.index(row["task"]) for row in rows]) + offset
        value, low, high = (np.array([row[key] for row in rows], dtype=float) * 100 for key in ("value", "low", "high"))
        error = [value - low, high - value]
        ax.errorbar(x, value, yerr=error, capsize=3, **styles[name] | {"linestyle": "none"})
    if lines:
        places, heights = np.arange(len(tasks)), [lines[task] * 100 for task in tasks]
        ax.hlines(heights, places - 0.38, places + 0.38, color="black", linewidth=1.2, label="chance")
    ax.set_xticks(range(len(tasks)), tasks)
    ax.set(ylabel=ylabel, title=title)
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower center", ncols=len(series) + bool(lines), frameon=False)
    return fig, ax


def grid_heatmap(
    values: DataFrame, texts: DataFrame, label: str, title: str, limits: tuple[float, float]
) -> tuple[Figure, Axes]:
    """A table of numbers as a heatmap: what was tuned on downwards, what was asked from left to right.

    Args:
        values: The numbers; rows and columns are named as they are to be shown.
        texts: What stands in each cell, of the same shape.
        label: Quantity of the colour bar.
        limits: Values at the ends of the colour bar.
    """
    fig, (ax,) = panel_grid(1, 1.05 * len(values.columns) + 2.3, 0.56 * len(values) + 1.5)
    style = {"cmap": "cividis", "vmin": limits[0], "vmax": limits[1], "linewidths": 1}
    numbers = values.astype(float).to_numpy()
    ax.grid(False)
    sns.heatmap(numbers, ax=ax, cbar_kws={"label": label}, **style)
    (cells,) = ax.collections
    for (row, column), value in np.ndenumerate(numbers):
        text, ground = ("-", (1, 1, 1)) if np.isnan(value) else (texts.iat[row, column], tuple(cells.to_rgba(value)))
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=readable_on(ground))
    ax.set_xticklabels(values.columns, rotation=0)
    ax.set_yticklabels(values.index, rotation=0)
    ax.set(xlabel="tested on", ylabel="tuned on", title=title)
    return fig, ax
