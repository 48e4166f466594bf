"""Figures to touch: a control draws them anew where somebody watches; elsewhere they stand still, with equal numbers.

Papermill, nbval and the build of the committed notebooks have nobody who could move a slider, and GitHub has no kernel
that could draw. As for progress bars, `is_watched` tells; there it is drawn once, at the control's start, and no widget
is made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rtuning_helpers.language import tr
from rtuning_helpers.progress import _watched_cell

WIDE = {"description_width": "initial"}  # the whole label beside the control


@dataclass(frozen=True)
class Slider:
    """One of several numbers; ``start`` is among them."""

    label: str
    values: Sequence[float]
    start: float

    def widget(self) -> Any:
        import ipywidgets

        options = [(f"{value:g}", value) for value in self.values]
        return ipywidgets.SelectionSlider(
            options=options, value=self.start, description=tr(self.label), continuous_update=False, style=WIDE,
            layout={"width": "36em"},
        )  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """One of several words; ``start`` is among them."""

    label: str
    values: Sequence[str]
    start: str

    def widget(self) -> Any:
        import ipywidgets

        style = WIDE | {"button_width": "5em"}
        return ipywidgets.ToggleButtons(
            options=list(self.values), value=self.start, description=tr(self.label), style=style
        )


@dataclass(frozen=True)
class TextBox:
    """Any text; what is typed counts when Enter is pressed or the box is left."""

    label: str
    start: str

    def widget(self) -> Any:
        import ipywidgets

        look: dict[str, Any] = {"style": WIDE, "layout": {"width": "48em"}}
        return ipywidgets.Text(value=self.start, description=tr(self.label), continuous_update=False, **look)


def is_watched() -> bool:
    """Whether this is a notebook with a reader who sees what happens now."""
    return _watched_cell() is not None  # not public there: that module is part of the fingerprint of finished tunings


def touch(draw: Callable[..., None], **controls: Slider | Choice | TextBox) -> None:
    """Show controls and what they draw.

    Args:
        draw: Called with the value of each control by its name; it shows figures, tables and text as a cell does, but
            no progress bar, which would stay.
        controls: name of the argument -> control.
    """
    if not is_watched():
        draw(**{name: control.start for name, control in controls.items()})
        return
    import ipywidgets
    from IPython.display import display

    widgets = {name: control.widget() for name, control in controls.items()}
    display(ipywidgets.VBox([*widgets.values(), ipywidgets.interactive_output(draw, widgets)]))
