"""No figure is wider than a page; tables of detail fold away; a method looks the same in every figure."""

from __future__ import annotations

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rtuning_helpers.experiments.transfer.figures import dots_by_task
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.figures.layout import WIDEST, folded, panel_grid
from rtuning_helpers.tuning.registry import all_methods, method_looks


def pixels_wide(fig) -> int:
    shown = io.BytesIO()
    fig.savefig(shown, format="png", bbox_inches="tight")  # as Jupyter does
    shown.seek(0)
    return plt.imread(shown).shape[1]


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style(method_looks())
        yield
        plt.close("all")


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)])
def test_many_panels_stand_in_rows_no_wider_than_a_page(count, rows):
    fig, axes = panel_grid(count, 3.6, 3.0, margin=2.0, sharey=True)
    assert len(axes) == len(fig.axes) == count
    assert (fig.get_size_inches() <= [WIDEST, 3.0 * rows]).all()


def test_as_a_notebook_shows_it_a_full_figure_has_at_most_850_pixels():
    right = np.array([0, 1, 1, 0])
    columns = {
        f"{split}, {kind}": {"P(sure)": (right, right * 0.5)} for split in "AB" for kind in ("raw", "calibrated")
    }
    title = "What a confidence is worth, before and after calibration (Platt) on a third of the ID questions"
    fig, _ = panels.reliability_panels(columns, title)
    assert pixels_wide(fig) <= 850


def test_a_legend_takes_as_many_rows_as_its_figure_needs():
    names = ["hop by hop, last", "hop by hop, minimum", "with steps, last", "with steps, minimum", "without steps"]
    ranked = [0, 1, 1], [0.1, 0.2, 0.3]
    heights = []
    for shown in (names[:2], names):
        fig, _ = plots.risk_coverage_panels({split: dict.fromkeys(shown, ranked) for split in "AB"}, "Wrong answers")
        fig.canvas.draw()
        (legend,) = fig.legends
        assert [text.get_text() for text in legend.get_texts()] == shown
        assert pixels_wide(fig) <= 850 and legend.get_window_extent().width <= fig.bbox.width
        heights.append(legend.get_window_extent().height)
    assert heights[1] > 1.5 * heights[0]


def test_a_folded_table_is_whole_in_a_terminal():
    table = folded("what <all> flags do", pd.DataFrame({"flag": ["packing"], "steps": [32]}), index=False)
    html = table._repr_html_()
    assert html.startswith("<details><summary>what &lt;all&gt; flags do")
    assert "<td>packing</td>" in html
    assert repr(table).split() == ["what", "<all>", "flags", "do", "flag", "steps", "packing", "32"]


def test_d1_and_d0_have_colours_of_their_own():
    line = ([1, 2], [0.1, 0.2])
    names = ["D1, certain before", "D0, uncertain before", "vanilla", "other"]
    _, (ax,) = panels.line_panels({"ID": dict.fromkeys(names, line)}, "x", "y", "t")
    certain, uncertain, vanilla, other = (drawn.get_color() for drawn in ax.lines)
    assert (certain, uncertain) == (plots.CERTAIN, plots.UNCERTAIN)
    assert len({certain, uncertain, vanilla, other}) == 4
    tuned = [style["color"] for name, style in plots.series_styles(all_methods()).items() if name != "padding"]
    assert uncertain not in tuned and certain not in tuned


def test_a_method_has_one_colour_in_every_figure():
    line = ([1, 2], [0.1, 0.2])
    _, (ax,) = panels.line_panels({"ID": {"vanilla": line, "padding": line, "replacement": line}}, "x", "y", "t")
    styles = plots.series_styles(all_methods())
    shown = [styles[method]["color"] for method in ("vanilla", "padding", "replacement")]
    assert [drawn.get_color() for drawn in ax.lines] == shown
    row = {"task": "mmlu", "value": 0.5, "low": 0.4, "high": 0.6}
    _, ax = dots_by_task({"padding": [row], "read once": [row]}, "y", "t")
    first, second = (container.lines[0].get_color() for container in ax.containers)
    assert first == styles["padding"]["color"]
    assert second not in [style["color"] for style in styles.values()]
