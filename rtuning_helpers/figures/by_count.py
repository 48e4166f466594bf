"""Shares over a count that spans many powers of ten."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rtuning_helpers.figures.plots import series_styles


def means_by_count(
    curves: Mapping[str, Sequence[Mapping]], counted: str, ylabel: str, title: str
) -> tuple[Figure, Axes]:
    """Means in bins of a count, a line a series, with 95 % intervals; the count's axis is logarithmic, with room for 0.

    Args:
        curves: series -> rows of `metrics.by_count.mean_by_count`, of quantities from 0 to 1.
        counted: What is counted.
        ylabel: The quantity [%].
    """
    fig, ax = plt.subplots(figsize=(6.5, 3.6))
    styles = series_styles(curves)
    for name, rows in curves.items():
        mean, low, high = (np.array([row[key] for row in rows]) * 100 for key in ("mean", "low", "high"))
        x = [row["middle"] for row in rows]
        ax.errorbar(x, mean, yerr=[mean - low, high - mean], capsize=3, **styles[name] | {"marker": "o"})
    ax.set_xscale("symlog", linthresh=1)
    ax.set(xlabel=counted, ylabel=ylabel, ylim=(-3, 103), title=title)
    ax.legend(frameon=False)
    return fig, ax
