"""The figures of several panels: labelled axes, one class, missing rows, empty flows."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rtuning_helpers.figures import panels, plots

DOT = {"label": "a", "value": 0.5, "low": 0.4, "high": 0.6}
FLOWS = {("D1", "right"): 3, ("D1", "wrong"): 0, ("D0", "right"): 1, ("D0", "wrong"): 4}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_dots_share_their_rows():
    _, axes = panels.interval_dot_panels(
        {"ID": [DOT, DOT | {"label": "b", "strong": False}], "OOD": [DOT]}, "AUROC", "t", 0.5
    )
    assert [t.get_text() for t in axes[0].get_yticklabels()] == ["a", "b"]
    assert axes[0].get_xlabel() == axes[1].get_xlabel() == "AUROC"
    assert axes[1].get_title() == "OOD"


def test_lines_keep_their_look_and_a_single_point_crosses_the_panel():
    lines = {"one": ([0, 1], [0.2, 0.4], [0.1, 0.3], [0.3, 0.5]), "flat": ([0], [0.7])}
    _, axes = panels.line_panels({"ID": lines, "OOD": {"flat": ([0], [0.6])}}, "step", "share", "t", (0, 1))
    flat_id, flat_ood = axes[0].lines[1], axes[1].lines[0]
    assert flat_id.get_color() == flat_ood.get_color() != axes[0].lines[0].get_color()
    assert list(flat_ood.get_ydata()) == [0.6, 0.6]
    assert (axes[0].get_xlabel(), axes[0].get_ylabel(), axes[0].get_ylim()) == ("step", "share", (0, 1))


def test_a_border_is_drawn_with_what_it_buys_and_costs():
    _, (ax,) = panels.border_panels({"ID": ([1, 0, 1, 1], [0.9, 0.6, 0.4, 0.0])}, 0.5, "border", "t")
    answered, right, border = ax.lines
    at = {b: i for i, b in enumerate(np.round(answered.get_xdata(), 2))}
    assert [answered.get_ydata()[at[b]] for b in (0.0, 0.5, 0.95)] == [75, 50, 0]
    assert [round(right.get_ydata()[at[b]], 1) for b in (0.0, 0.5, 0.7)] == [66.7, 50, 100]
    assert max(right.get_xdata()) < 0.9, "nothing is answered, nothing is right or wrong"
    assert list(border.get_xdata()) == [0.5, 0.5]


def test_reliability_dots_lie_at_confidence_and_accuracy():
    columns = {"all": ([1, 0, 1, 1], [0.1, 0.1, 0.9, 0.9]), "one class": ([1, 1, 1, 1], [0.5] * 4)}
    _, axes = panels.reliability_panels({"ID": columns}, "t")
    assert axes[0].collections[0].get_offsets().tolist() == pytest.approx(np.array([[0.1, 0.5], [0.9, 1.0]]))
    assert axes[0].get_ylabel() == "share of right answers"


def test_flows_name_every_end_that_has_questions():
    fig, axes = panels.transition_panels(
        {"tuned on": FLOWS, "not": dict.fromkeys(FLOWS, 0) | {("D1", "right"): 2}}, "t"
    )
    texts = [t.get_text() for t in axes[0].texts]
    assert texts == ["D1\n3 (38%)", "D0\n5 (62%)", "right\n4 (50%)", "wrong\n4 (50%)"]
    assert [t.get_text() for t in axes[1].texts] == ["D1\n2 (100%)", "right\n2 (100%)"]
    assert len(axes[0].collections) == 3  # a band for each flow that is not empty


def test_stacked_shares_fill_the_bars():
    shares = pd.DataFrame({"known": [100.0, 25.0], "unknown": [0.0, 75.0]}, index=["0", "61+"])
    _, ax = plots.stacked_shares(shares, "documents", "share [%]", "t")
    tops = {round(bar.get_y() + bar.get_height()) for bar in ax.containers[1]}
    assert tops == {100}
    assert ax.get_ylabel() == "share [%]"
