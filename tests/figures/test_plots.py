"""Every figure has labelled axes and survives data that hold one class only."""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rtuning_helpers.figures import plots
from rtuning_helpers.tuning.registry import method_looks

RATES = [
    {"exposure": "0", "n": 10, "rate": 0.1, "low": 0.0, "high": 0.3},
    {"exposure": "61+", "n": 20, "rate": 1.0, "low": 0.9, "high": 1.0},
]
MIXED = ([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1])
ALL_RIGHT, ALL_WRONG = ([1, 1], [0.9, 0.2]), ([0, 0], [0.9, 0.2])


def panels(*columns):
    return {f"split {i}": {"vanilla": column, "padding": column} for i, column in enumerate(columns)}


CASES = {
    "exposure_curve": lambda: plots.exposure_curve(RATES, "title"),
    "split_bars": lambda: plots.split_bars(
        [{"group": "a", "certain": 3, "uncertain": 0}, {"group": "b", "certain": 0, "uncertain": 2}], "title"
    ),
    "certainty_histograms": lambda: plots.certainty_histograms([0.1, 0.5], [0.9, 1.2, 2.0], "entropy [nats]", "title"),
    "certainty_histograms, given bins": lambda: plots.certainty_histograms([1], [2], "x", "title", bins=[0, 1, 2, 3]),
    "certainty_histograms, empty D1": lambda: plots.certainty_histograms([], [0.9, 1.2], "entropy [nats]", "title"),
    "certainty_histograms, empty D0": lambda: plots.certainty_histograms([0.9, 1.2], [], "entropy [nats]", "title"),
    "interval_dots": lambda: plots.interval_dots(
        [
            {"label": "D1", "value": 1.0, "low": 0.5, "high": 1.5},
            {"label": "D0", "value": 2.0, "low": 1.5, "high": 2.5, "certain": False},
        ],
        "entropy [nats]",
        "title",
    ),
    "loss_curves": lambda: plots.loss_curves({"vanilla": [(10, 2.0), (20, 1.0)], "padding": [(10, 3.0)]}, "title"),
    "precision_recall_panels": lambda: plots.precision_recall_panels(panels(MIXED, MIXED), "title"),
    "precision_recall_panels, all right": lambda: plots.precision_recall_panels(panels(ALL_RIGHT), "title"),
    "precision_recall_panels, all wrong": lambda: plots.precision_recall_panels(panels(MIXED, ALL_WRONG), "title"),
    "risk_coverage_panels": lambda: plots.risk_coverage_panels(panels(MIXED, MIXED), "title"),
    "risk_coverage_panels, one class": lambda: plots.risk_coverage_panels(panels(ALL_RIGHT, ALL_WRONG), "title"),
    "sureness_panels": lambda: plots.sureness_panels({"id": MIXED, "ood": MIXED}, "title"),
    "sureness_panels, one class": lambda: plots.sureness_panels({"id": ALL_RIGHT, "ood": ALL_WRONG}, "title"),
    "waterfall_panels": lambda: plots.waterfall_panels(
        [{"label": "start", "ap": 0.9, "steps": 400}, {"label": "+ packing", "ap": 0.5, "steps": 8}],
        {"ap": ("AP [%]", 100), "steps": ("optimiser steps", 1)},
        "title",
    ),
    "difference_dots": lambda: plots.difference_dots(
        [
            {"label": "ID", "difference": 0.3, "half_width": 0.9},
            {"label": "OOD", "difference": -3.5, "half_width": 1.0},
        ],
        "difference [points]",
        "title",
    ),
    "rate_by_exposure": lambda: plots.rate_by_exposure(dict.fromkeys(method_looks(), RATES), "refused [%]", "title"),
    "stacked_shares": lambda: plots.stacked_shares(
        pd.DataFrame({"known": [20.0, 90.0], "unknown": [80.0, 10.0]}, index=["0", "61+"]),
        "documents",
        "questions [%]",
        "title",
    ),
}


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style(method_looks())
        yield
    plt.close("all")


@pytest.mark.parametrize("case", CASES)
def test_figures_have_labelled_axes_and_can_be_drawn(case):
    with warnings.catch_warnings():
        if "empty" not in case and "all wrong" not in case:
            warnings.simplefilter("error", RuntimeWarning)  # a mean of nothing, a division by zero
        else:
            warnings.simplefilter("ignore")
        fig, axes = CASES[case]()
        fig.canvas.draw()
    assert isinstance(fig, Figure)
    axes = np.atleast_1d(axes)
    assert len(axes) >= 1 and all(isinstance(ax, Axes) and ax.figure is fig for ax in axes)
    assert all(ax.get_xlabel() for ax in axes)
    names = "".join(label.get_text() for label in axes[0].get_yticklabels())
    assert axes[0].get_ylabel() or any(c.isalpha() for c in names)  # a quantity, or the names of the rows
    assert fig.get_suptitle() == "title" or axes[0].get_title(loc="left") == "title"


def test_every_public_figure_is_among_the_cases():
    public = {name for name in vars(plots) if not name.startswith("_") and callable(vars(plots)[name])}
    own = {name for name in public if getattr(vars(plots)[name], "__module__", "") == plots.__name__}
    parts = {"use_style", "series_styles", "draw_dot", "draw_histograms"}
    assert own - parts == {case.partition(",")[0] for case in CASES}


def test_the_exposure_curve_shows_the_numbers_it_was_given():
    _, ax = plots.exposure_curve(RATES, "title")
    assert ax.lines[0].get_ydata().tolist() == [10, 100]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0\n(n = 10)", "61+\n(n = 20)"]


def test_a_bin_can_be_marked():
    _, ax = plots.exposure_curve(RATES, "title", marked="61+")
    ring = ax.lines[-1]
    assert (ring.get_xdata().tolist(), ring.get_ydata().tolist()) == ([1], [100])
    assert len(plots.exposure_curve(RATES, "title", marked="?")[1].lines) == len(ax.lines) - 1


def test_histograms_are_shares_of_their_own_set():
    _, ax = plots.certainty_histograms([0.1, 0.1, 0.9], [0.9, 0.9], "x", "title", bins=[0, 0.5, 1])
    certain, uncertain = ([bar.get_height() for bar in bars] for bars in ax.containers)
    assert certain == pytest.approx([200 / 3, 100 / 3])
    assert uncertain == pytest.approx([0, 100])


def test_panels_stand_side_by_side_one_a_split():
    _, axes = plots.precision_recall_panels(panels(MIXED, ALL_RIGHT, MIXED), "title")
    assert [ax.get_title(loc="left") for ax in axes] == ["split 0", "split 1", "split 2"]


def test_a_method_is_called_what_people_call_it():
    _, ax = plots.rate_by_exposure({"pretrained": RATES, "read once": RATES}, "refused [%]", "title")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["untuned", "read once"]


def test_a_waterfall_goes_from_value_to_value():
    rows = [{"label": name, "ap": ap} for name, ap in (("start", 0.9), ("+ a", 0.5), ("+ b", 0.6))]
    _, (ax,) = plots.waterfall_panels(rows, {"ap": ("AP [%]", 100)}, "title")
    spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    assert np.array(spans) == pytest.approx(np.array([(90, 90), (90, 50), (50, 60)]))
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]


def test_a_difference_within_its_error_is_hollow():
    rows = [{"label": "a", "difference": d, "half_width": 1.0} for d in (0.5, -3.0)]
    _, ax = plots.difference_dots(rows, "points", "title")
    faces = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    assert faces[0] == "white"
    assert faces[1] != "white"
