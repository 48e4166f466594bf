"""Widgets without a browser: a value is set, and what it draws follows; without a reader there is no widget at all."""

from __future__ import annotations

import subprocess
import sys

import ipywidgets
import pytest

from rtuning_helpers.figures import interactive
from rtuning_helpers.figures.interactive import Choice, Slider, TextBox, touch


@pytest.fixture
def shown(monkeypatch) -> list:
    """What would be displayed, in a notebook that somebody watches."""
    boxes: list = []
    monkeypatch.setattr(interactive, "is_watched", lambda: True)
    monkeypatch.setattr("IPython.display.display", boxes.append)
    return boxes


@pytest.mark.parametrize(
    ("control", "kind", "other"),
    [
        (Slider("border", [0.0, 0.25, 0.5], 0.5), ipywidgets.SelectionSlider, 0.25),
        (Choice("exposure", ["0", "1-2", "61+"], "1-2"), ipywidgets.ToggleButtons, "61+"),
        (TextBox("your question", "Who?"), ipywidgets.Text, "Where?"),
    ],
)
def test_a_control_draws_at_its_start_and_anew_for_each_value(shown, control, kind, other):
    drawn = []
    touch(lambda value: drawn.append(value), value=control)
    ((widget, output),) = (box.children for box in shown)
    assert isinstance(widget, kind) and isinstance(output, ipywidgets.Output)
    assert widget.description == control.label
    assert drawn == [control.start]
    widget.value = other
    assert drawn == [control.start, other]


def test_a_slider_moves_only_to_its_values(shown):
    touch(lambda border: None, border=Slider("border", [0.0, 0.5], 0.5))
    with pytest.raises(Exception, match="Invalid selection"):
        shown[0].children[0].value = 0.3


def test_several_controls_are_drawn_together(shown):
    drawn = []
    touch(lambda **values: drawn.append(values), one=Slider("one", [0, 1], 0), other=Choice("other", ["a", "b"], "a"))
    shown[0].children[1].value = "b"
    assert drawn == [{"one": 0, "other": "a"}, {"one": 0, "other": "b"}]


def test_where_nobody_watches_it_is_drawn_once_and_no_widget_is_loaded():
    code = """
import sys
from rtuning_helpers.figures.interactive import Slider, touch
touch(lambda border: print(border), border=Slider("border", [0, 1], 1))
assert "ipywidgets" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
