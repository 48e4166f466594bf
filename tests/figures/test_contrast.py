"""Colours have the contrast that WCAG 2.2 AA asks for, and nothing is told by colour alone."""

from __future__ import annotations

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from rtuning_helpers.experiments.transfer.figures import grid_heatmap
from rtuning_helpers.figures import plots
from rtuning_helpers.figures.contrast import GRAPHICS, TEXT, contrast, dark_enough, readable_on
from rtuning_helpers.figures.looks import MARKERS
from rtuning_helpers.tuning.registry import all_methods, method_looks

WHITE = (1, 1, 1)


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style(method_looks())
        yield
        plt.close("all")


def test_the_formula_gives_what_the_guidelines_print():
    assert contrast((0, 0, 0), WHITE) == pytest.approx(21)
    assert contrast(to_rgb("#777777"), WHITE) == pytest.approx(4.48, abs=0.01)  # the well-known grey that just fails
    assert contrast(to_rgb("#767676"), WHITE) == pytest.approx(4.54, abs=0.01)


def test_a_colour_is_darkened_no_more_than_needed():
    yellow = to_rgb("#ece133")
    assert GRAPHICS <= contrast(dark_enough(yellow), WHITE) < GRAPHICS + 0.1
    assert dark_enough(to_rgb("#0173b2")) == pytest.approx(to_rgb("#0173b2"))
    assert dark_enough(yellow, least=TEXT) < dark_enough(yellow)


def test_every_series_stands_out_from_the_page_and_from_each_other_without_colour():
    names = [*all_methods(), "D1, x", "D0, x", *(f"other {i}" for i in range(len(MARKERS)))]
    styles = plots.series_styles(names)
    assert min(contrast(look["color"], WHITE) for look in styles.values()) >= GRAPHICS
    for group in (list(all_methods()), ["D1, x", "D0, x"], names[-len(MARKERS) :]):
        for one, other in combinations(group, 2):
            assert (styles[one]["linestyle"], styles[one]["marker"]) != (
                styles[other]["linestyle"],
                styles[other]["marker"],
            ), (one, other)


def test_text_in_figures_is_readable():
    fig, ax = plots.exposure_curve([{"exposure": "0", "rate": 0.1, "low": 0, "high": 0.2, "n": 9}], "t")
    texts = [ax.title, ax.xaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
    assert min(contrast(to_rgb(text.get_color()), WHITE) for text in texts) >= TEXT


def test_numbers_are_readable_on_every_colour_of_a_heatmap():
    values = pd.DataFrame([np.linspace(0.5, 0.9, 9)], columns=list("abcdefghi"))
    _, ax = grid_heatmap(values, values.astype(str), "AUROC", "t", (0.5, 0.9))
    grounds = ax.collections[0].to_rgba(values.to_numpy()[0])
    for text, ground in zip(ax.texts, grounds, strict=True):
        assert contrast(to_rgb(text.get_color()), ground) >= TEXT


@pytest.mark.parametrize("grey", np.linspace(0, 1, 21))
def test_black_or_white_is_always_readable(grey):
    assert contrast(to_rgb(readable_on((grey,) * 3)), (grey,) * 3) >= TEXT


def test_sets_differ_in_hatches():
    _, ax = plots.split_bars([{"group": "a", "certain": 1, "uncertain": 2}], "t")
    assert len({bars[0].get_hatch() for bars in ax.containers}) == 2
    _, ax = plots.certainty_histograms([0.1, 0.2], [0.8, 0.9], "x", "t")
    assert len({bars[0].get_hatch() for bars in ax.containers}) == 2
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    _, ax = plots.stacked_shares(pd.DataFrame([[20.0] * 5], columns=list("abcde")), "x", "y", "t")
    assert len({bars[0].get_hatch() for bars in ax.containers}) == 5
