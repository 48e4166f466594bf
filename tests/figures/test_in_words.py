"""Figures in words: kind, axes, trend and numbers are those that were drawn; and shown beside the picture."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from rtuning_helpers.experiments.transfer.figures import dots_by_task, grid_heatmap
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.figures.in_words import describe, number
from rtuning_helpers.figures.shown import show_in_words_too
from rtuning_helpers.tuning.registry import method_looks

RATES = [
    {"exposure": "0", "rate": 0.05, "low": 0.02, "high": 0.11, "n": 100},
    {"exposure": "1-5", "rate": 0.5, "low": 0.4, "high": 0.6, "n": 90},
    {"exposure": "6+", "rate": 0.99, "low": 0.95, "high": 1.0, "n": 1234},
]
DOTS = [{"label": "D1", "value": 0.5, "low": 0.4, "high": 0.6}, {"label": "D0", "value": 1.5, "low": 1.4, "high": 1.7}]
STEPS = np.arange(40)


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style(method_looks())
        yield
        plt.close("all")


def test_a_line_with_intervals():
    fig, _ = plots.exposure_curve(RATES, "The more, the better")
    assert describe(fig) == (
        "The more, the better: line chart; horizontal axis: documents in the corpus that state the fact; "
        "vertical axis: right answers [%], from 0 to 100. rises from 5 for 0 (n = 100) to 99 for 6+ (n = 1,234); "
        "5 (2 to 11) for 0 (n = 100), 50 (40 to 60) for 1-5 (n = 90), 99 (95 to 100) for 6+ (n = 1,234)."
    )


def test_lines_of_many_points_say_where_they_go():
    curves = {"vanilla": [(int(i), 5 - i / 10) for i in STEPS], "padding": [(int(i), 2.0) for i in STEPS]}
    text = describe(plots.loss_curves(curves, "Loss")[0])
    assert "vanilla: falls from 5 at 0 to 1.1 at 39, halfway 3 at 20." in text
    assert "padding: stays near 2 from at 0" not in text
    assert "padding: stays near 2, at 0 to at 39" not in text
    assert "padding: stays near 2 throughout." in text


def test_an_extreme_between_the_ends_is_told():
    lines = {"a": (list(STEPS), list(1 - np.abs(STEPS - 20) / 20)), "chance": ([0], [0.25])}
    text = describe(panels.line_panels({"ID": lines, "OOD": lines}, "step", "share", "Up and down", (0, 1))[0])
    assert text.startswith("Up and down. 2 panels. ID: line chart; horizontal axis: step, from 0 to ")
    assert (
        "a: goes up and down, from 0 at 0 to 0.05 at 39, halfway 1 at 20, highest 1 at 20. chance, all along 0.25"
        in text
    )
    assert "OOD: line chart; horizontal axis: step" in text and text.count("vertical axis: share, from 0 to 1") == 2


def test_bars_dots_and_marks():
    rows = [{"group": f"r{i}", "certain": i, "uncertain": 20 - i} for i in range(16)]
    text = describe(plots.split_bars(rows, "By relation")[0])
    assert "By relation: chart of horizontal bars; horizontal axis: questions, from 0 to 20." in text
    assert "certain (D1): 16 values, the largest 15 for r15, 14 for r14, 13 for r13; the smallest 2 for r2" in text
    text = describe(plots.interval_dots(DOTS, "entropy [nats]", "Dots")[0])
    assert "0.5 (0.4 to 0.6) for D1, 1.5 (1.4 to 1.7) for D0." in text
    row = {"task": "qa", "value": 0.5, "low": 0.4, "high": 0.6}
    text = describe(dots_by_task({"pretrained": [row]}, "right [%]", "Tasks", {"qa": 0.05})[0])
    assert "untuned: 50 (40 to 60) for qa. chance: 5 for qa." in text


def test_histograms_borders_and_stacks():
    text = describe(plots.sureness_panels({"ID": ([1, 1, 0], [0.91, 0.92, 0.12])}, "P(sure)")[0])
    assert "right answer: 2 from 0.9 to 0.95 at its highest, half of it lies below 0.95" in text
    assert "wrong answer: 1 from 0.1 to 0.15" in text and text.endswith("vertical line at 0.5.")
    shares = pd.DataFrame({"known": [10.0, 60.0], "lucky": [90.0, 40.0]}, index=["0", "1+"])
    assert "known: 10 for 0, 60 for 1+. lucky: 90 for 0, 40 for 1+." in describe(
        plots.stacked_shares(shares, "documents", "share [%]", "Bands")[0]
    )


def test_bands_and_heatmaps():
    flows = {("D1", "right"): 3, ("D1", "wrong"): 0, ("D0", "wrong"): 5}
    text = describe(panels.transition_panels({"ID": flows}, "Flows")[0])
    assert (
        "ID: bands whose width is a number of questions, 8 in all: from D1 to right 3 (38%), from D0 to wrong 5" in text
    )
    values = pd.DataFrame([[0.5, 0.75], [0.7, np.nan]], index=["a", "b"], columns=["x", "y"])
    text = describe(grid_heatmap(values, values.astype(str), "AUROC", "Grid", (0.5, 0.9))[0])
    axes = "horizontal axis: tested on; vertical axis: tuned on"
    assert text == f"Grid: heatmap of AUROC; {axes}. a: 0.5 for x, 0.75 for y. b: 0.7 for x."


NUMBERS = [(0.12345, "0.123"), (12.345, "12.3"), (-1234.5, "-1,234"), (0, "0"), (-3.5e-18, "0")]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_numbers(value, text):
    assert number(value) == text


def test_a_notebook_gets_picture_alternative_text_and_a_line_that_opens(monkeypatch):
    shell = InteractiveShell.instance()
    try:
        png = shell.display_formatter.formatters["image/png"]
        monkeypatch.setitem(png.type_printers, plt.Figure, lambda fig: "picture")
        show_in_words_too()
        fig, _ = plots.exposure_curve(RATES, "Fewer < more")
        words = describe(fig)
        with capture_output() as shown:
            shell.display_formatter.format(fig)
    finally:
        InteractiveShell.clear_instance()
    picture, line = shown.outputs
    assert picture.data == {"text/plain": words, "image/png": "picture"}
    assert picture.metadata == {"image/png": {"alt": words}}
    assert line.data["text/html"].startswith("<details><summary>This figure in words</summary><p>Fewer &lt; more: line")


def test_without_a_notebook_nothing_happens():
    InteractiveShell.clear_instance()
    show_in_words_too()


def test_what_is_not_there_is_not_told():
    fig, ax = plt.subplots()
    ax.errorbar([1, 2], [0.5, np.nan], yerr=[[0.1, np.nan], [0.2, np.nan]], fmt="o", label="dots")
    ax.errorbar([1, 2], [np.nan, np.nan], yerr=[[np.nan, np.nan], [np.nan, np.nan]], fmt="o", label="none")
    ax.plot([0, 1], [np.nan, np.nan], label="line")
    text = describe(fig)
    assert "dots: 0.5 (0.4 to 0.7) at 1" in text and "at 2" not in text and "none" not in text and "line:" not in text
    plt.close(fig)
