"""Means over a count: labelled axes, a logarithm with room for 0."""

from __future__ import annotations

import matplotlib.pyplot as plt

from rtuning_helpers.figures.by_count import means_by_count
from rtuning_helpers.metrics.by_count import mean_by_count


def test_means_over_a_logarithmic_count():
    rows = mean_by_count([0, 0, 5, 90], [0, 1, 0.5, 1], bins=2)
    fig, ax = means_by_count({"padding: P(sure)": rows, "right": rows}, "page views", "mean [%]", "title")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left") or ax.get_title()) == (
        "page views",
        "mean [%]",
        "title",
    )
    assert ax.get_xscale() == "symlog" and len(ax.get_legend_handles_labels()[1]) == 2
    assert ax.lines[0].get_xdata().tolist() == [0, 47.5] and ax.lines[0].get_ydata().tolist() == [50, 75]
    plt.close(fig)
