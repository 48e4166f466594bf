"""How large figures and tables are: no figure is wider than a page, and tables of detail can be folded away."""

from collections.abc import Mapping
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

Panels = tuple[Figure, list[Axes]]
WIDEST = 8.4  # [inch]; with the margin that Jupyter adds, and labels that stick out, below 850 pixels


def panel_grid(count: int, width: float, height: float, margin: float = 0, **sharing: Any) -> Panels:
    """Panels side by side, up to four in a row, otherwise three; narrower than wanted where the page ends.

    Args:
        count: Number of panels.
        width: Of one panel [inch].
        height: Of one row of panels [inch].
        margin: Room for the labels at the left [inch].
        sharing: ``sharex``, ``sharey``.
    """
    columns = count if count <= 4 else 3
    rows = -(-count // columns)
    size = (min(columns * width + margin, WIDEST), rows * height)
    fig, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, **sharing)
    for ax in grid.flat[count:]:
        ax.remove()
    return fig, list(grid.flat[:count])


def finish_panels(
    panels: Panels, title: str, legend: Mapping | None = None, columns: int | None = None, **style: float
) -> Panels:
    """The finding above the panels, and below them their legend, in one row or as many as it needs to fit."""
    fig, axes = panels
    if legend is None:
        legend = {label: h for ax in axes for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if legend:
        _legend_below(fig, legend, columns or len(legend), **style)
    fig.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return panels


def _legend_below(fig: Figure, legend: Mapping, columns: int, **style: Any) -> None:
    style |= {"loc": "outside lower center", "frameon": False}
    for rows in range(-(-len(legend) // columns), len(legend) + 1):
        drawn = fig.legend(legend.values(), legend.keys(), ncols=-(-len(legend) // rows), **style)
        if drawn.get_window_extent().width <= fig.bbox.width or rows == len(legend):
            break
        drawn.remove()  # wider than its figure, which would grow with it


class folded:  # noqa: N801 - reads like a function in a notebook
    """A table behind a fold that a click opens; in a terminal the whole table.

    Args:
        title: What the table shows.
        table: The table.
        index: Whether to show its index.
    """

    def __init__(self, title: str, table: DataFrame, index: bool = True) -> None:
        self.title, self.table, self.index = title, table, index

    def _repr_html_(self) -> str:
        table = self.table.to_html(index=self.index, border=0)
        return f"<details><summary>{escape(self.title)} (click to open)</summary>{table}</details>"

    def __repr__(self) -> str:
        return f"{self.title}\n{self.table.to_string(index=self.index)}"
