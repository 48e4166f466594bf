"""Figures of several panels for the uncertainty notebooks; each function returns (figure, axes).

``title`` is the finding, ``xlabel`` and ``ylabel`` are quantities with their units.
Lines differ in colour, dash and marker, so that a figure can be read without colours.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rtuning_helpers.figures.layout import Panels, finish_panels, panel_grid
from rtuning_helpers.figures.plots import CERTAIN, UNCERTAIN, draw_dot, series_styles
from rtuning_helpers.metrics import reliability_bins


def interval_dot_panels(
    panels: Mapping[str, Sequence[Mapping]], xlabel: str, title: str, line: float | None = None
) -> Panels:
    """Point estimates with intervals, a row each, a panel a split; the panels share their rows.

    Args:
        panels: panel -> rows with ``label``, ``value``, ``low``, ``high``, and optionally ``strong`` (drawn filled; all
            are, by default). The labels of the first panel are used for all.
        line: Where to draw a vertical line, at the value of a random ranking, say.
    """
    labels = [row["label"] for row in next(iter(panels.values()))]
    fig, axes = panel_grid(len(panels), 3.1, 0.3 * len(labels) + 1.3, margin=2.2, sharex=True, sharey=True)
    for ax, (name, rows) in zip(axes, panels.items(), strict=True):
        by_label = {row["label"]: row for row in rows}
        for y, label in enumerate(labels):
            if row := by_label.get(label):
                error = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
                draw_dot(ax, row["value"], y, error, row.get("strong", True))
        if line is not None:
            ax.axvline(line, color="black", linewidth=1)
        ax.set(xlabel=xlabel, title=name)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].set_ylim(len(labels) - 0.5, -0.5)
    return finish_panels((fig, axes), title)


def line_panels(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], ...]]],
    xlabel: str,
    ylabel: str,
    title: str,
    ylim: tuple[float | None, float | None] | None = None,
    at: float | None = None,
) -> Panels:
    """Lines over a common quantity, a panel a split.

    Args:
        panels: panel -> label -> (x, y) or (x, y, low, high); a line keeps its look in all panels, and a method the
            one that it has in all figures. A single point is drawn as a horizontal line over the whole panel.
        ylim: Range of y.
        at: Where to draw a vertical line.
    """
    fig, axes = panel_grid(len(panels), 3.9, 3.5, sharey=True)
    styles = series_styles(label for lines in panels.values() for label in lines)
    for ax, (name, lines) in zip(axes, panels.items(), strict=True):
        for label, (x, y, *band) in lines.items():
            look = styles[label]
            if len(x) == 1:
                ax.axhline(y[0], linewidth=1.2, **look | {"marker": None})
                continue
            ax.plot(x, y, markersize=4, **look)
            if band:
                ax.fill_between(
                    x, band[0], band[1], facecolor=(*look["color"], 0.15), edgecolor=look["color"], linewidth=0.4
                )
        if at is not None:
            ax.axvline(at, color="black", linestyle="--", linewidth=1)
        ax.set(xlabel=xlabel, title=name)
    axes[0].set_ylabel(ylabel)
    if ylim is not None:
        axes[0].set_ylim(*ylim)
    columns = 2 if len(panels) == 1 else 3 if len(styles) > 4 else len(styles)
    return finish_panels((fig, axes), title, columns=columns)


def border_panels(
    columns: Mapping[str, tuple[Sequence[int], Sequence[float]]], border: float, xlabel: str, title: str
) -> Panels:
    """What each border of a confidence buys and costs: how much is answered, and how much of that is right.

    Args:
        columns: panel -> (correct, confidence), a row a question.
        border: Where the border is now, drawn as a vertical line. What lies above it is answered.
        xlabel: Which confidence.
    """
    fig, axes = panel_grid(len(columns), 3.6, 3.4, sharey=True)
    answered, right = series_styles(["questions answered", "right among those answered"], marker=False).values()
    borders = np.linspace(0, 1, 101)
    for ax, (name, (correct, confidence)) in zip(axes, columns.items(), strict=True):
        given = np.asarray(confidence)[None, :] > borders[:, None]
        hits = (given & np.asarray(correct, dtype=bool)).sum(axis=1)
        some = given.any(axis=1)
        ax.plot(borders, 100 * given.mean(axis=1), **answered)
        ax.plot(borders[some], 100 * hits[some] / given[some].sum(axis=1), **right)
        ax.axvline(border, color="black", linewidth=1, linestyle=":")
        ax.set(xlabel=xlabel, title=name, ylim=(-3, 103))
    axes[0].set_ylabel("share [%]")
    return finish_panels((fig, axes), title)


def reliability_panels(
    panels: Mapping[str, Mapping[str, tuple[Sequence[int], Sequence[float]]]], title: str, bins: int = 10
) -> Panels:
    """Share of right answers over the stated confidence, in bins of equal width; the diagonal is perfect calibration.

    Args:
        panels: panel -> label -> (correct, confidence). The area of a dot is the share of the questions in its bin.
        bins: Number of bins.
    """
    fig, axes = panel_grid(len(panels), 3.1, 3.6, sharex=True, sharey=True)
    styles = series_styles(label for lines in panels.values() for label in lines)
    for ax, (name, lines) in zip(axes, panels.items(), strict=True):
        ax.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=":", label="_perfect calibration")
        for label, (correct, confidence) in lines.items():
            look = styles[label]
            filled = reliability_bins(correct, confidence, bins=bins)
            x, y = [b.confidence for b in filled], [b.accuracy for b in filled]
            ax.plot(x, y, linewidth=1, markersize=3, **look)
            sizes = [400 * b.n / len(correct) for b in filled]
            ax.scatter(x, y, s=sizes, color=look["color"], marker=look["marker"], alpha=0.6)
        ax.set(xlabel="stated confidence", title=name, aspect="equal", xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))
    axes[0].set_ylabel("share of right answers")
    return finish_panels((fig, axes), title, columns=min(len(styles), 4), markerscale=2)


def transition_panels(panels: Mapping[str, Mapping[tuple[str, str], int]], title: str) -> Panels:
    """Where questions come from and where they end: bands from the sets on the left to the outcomes on the right.

    Args:
        panels: panel -> (before, after) -> number of questions. The order of the first panel's keys is the order from
            the top.
    """
    fig, axes = panel_grid(len(panels), 3.8, 4.6)
    order = list(dict.fromkeys(key for flows in panels.values() for key in flows))
    sources, targets = (list(dict.fromkeys(key[side] for key in order)) for side in (0, 1))
    colours = dict(zip(sources, (CERTAIN, UNCERTAIN), strict=False))
    hatches = dict(zip(sources, (None, "///"), strict=False))
    for ax, (name, flows) in zip(axes, panels.items(), strict=True):
        total = sum(flows.values())
        gap = 0.05 * total
        left, right = _tops(flows, sources, 0, gap), _tops(flows, targets, 1, gap)
        for source, target in sorted(flows, key=lambda key: (sources.index(key[0]), targets.index(key[1]))):
            count = flows[source, target]
            if count:
                _band(ax, left[source], right[target], count, colours[source], hatches[source])
                left[source] -= count
                right[target] -= count
        for side, names in ((0, sources), (1, targets)):
            tops = _tops(flows, names, side, gap)
            for label in names:
                count = sum(n for key, n in flows.items() if key[side] == label)
                if count:
                    x, place = (-0.03, "right") if side == 0 else (1.03, "left")
                    text = f"{label}\n{count:,} ({count / total:.0%})"
                    ax.text(x, tops[label] - count / 2, text, ha=place, va="center", fontsize="small")
        ax.set(xlim=(-0.55, 1.75), label=_flows_in_words(flows, total))
        ax.set_title(name, loc="center")
        ax.axis("off")
    return finish_panels((fig, axes), title)


def _flows_in_words(flows: Mapping[tuple[str, str], int], total: int) -> str:
    """What `in_words.describe` says of a panel of bands."""
    parts = [f"from {a} to {b} {n:,} ({n / total:.0%})" for (a, b), n in flows.items() if n]
    return f"bands whose width is a number of questions, {total:,} in all: {', '.join(parts)}."


def _tops(flows: Mapping[tuple[str, str], int], names: Sequence[str], side: int, gap: float) -> dict[str, float]:
    """Upper edge of each node, the first one at the top."""
    counts = [sum(n for key, n in flows.items() if key[side] == name) for name in names]
    return dict(zip(names, np.cumsum([0.0, *(-n - gap * (n > 0) for n in counts[:-1])]).tolist(), strict=True))


def _band(ax: Axes, left: float, right: float, count: int, colour: tuple[float, ...], hatch: str | None) -> None:
    """A band of constant height from the left top to the right top."""
    x = np.linspace(0, 1, 60)
    ease = x * x * (3 - 2 * x)
    top = left + (right - left) * ease
    ax.fill_between(x, top, top - count, facecolor=(*colour, 0.45), edgecolor=colour, hatch=hatch, linewidth=1)
