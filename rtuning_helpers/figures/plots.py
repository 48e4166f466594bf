"""Seaborn figures of the notebooks; each function draws one picture and returns (figure, axes).

``title`` is the finding, ``xlabel`` and ``ylabel`` are quantities with their units.
Colours are seaborn's colour-blind palette, made dark enough to be seen on white, one for each method everywhere;
markers, line styles or hatches repeat what the colour says.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from pandas import DataFrame
from sklearn.metrics import precision_recall_curve

from rtuning_helpers.figures.contrast import dark_enough
from rtuning_helpers.figures.layout import Panels, finish_panels, panel_grid
from rtuning_helpers.figures.looks import SETS, Look, looks_of, set_method_looks
from rtuning_helpers.figures.shown import show_in_words_too
from rtuning_helpers.figures.translated import translate_figures
from rtuning_helpers.language import tr
from rtuning_helpers.metrics import risk_coverage
from rtuning_helpers.metrics.answers import WILLING

# From 10 on dark ones, for methods beside the paper's: there are more methods than colours that everyone tells apart.
_COLOURS = [dark_enough(colour) for name in ("colorblind", "dark") for colour in sns.color_palette(name)]
FONT = "DejaVu Sans"  # comes with matplotlib: figures are as wide everywhere, whatever is installed
CERTAIN, UNCERTAIN = (_COLOURS[look.colour] for look in SETS.values())


def use_style(methods: Mapping[str, Look]) -> None:
    """The look of every figure; call it once at the top of a notebook.

    Args:
        methods: The look of each method, from `tuning.registry.method_looks`.
    """
    set_method_looks(methods)
    sns.set_theme(context="notebook", style="whitegrid", palette=_COLOURS, font_scale=0.9, font=FONT)
    plt.rcParams.update({"figure.constrained_layout.use": True, "figure.dpi": 96, "axes.titlelocation": "left"})
    show_in_words_too()
    translate_figures()


def exposure_curve(
    rows: Sequence[Mapping], title: str, ylabel: str = "right answers [%]", marked: str | None = None
) -> tuple[Figure, Axes]:
    """A share (of right answers, say) by exposure, with 95 % intervals.

    Args:
        rows: Dictionaries with ``exposure`` (label of the bin), ``rate``, ``low``, ``high`` (0 to 1) and ``n``.
        ylabel: What is counted.
        marked: Label of a bin to draw a ring around.
    """
    fig, ax = plt.subplots(figsize=(6.5, 3.6))
    x = np.arange(len(rows))
    values, low, high = (np.array([row[key] for row in rows]) * 100 for key in ("rate", "low", "high"))
    ax.errorbar(x, values, yerr=[values - low, high - values], marker="o", capsize=3, color=_COLOURS[0])
    chosen = [i for i, row in enumerate(rows) if row["exposure"] == marked]
    if chosen:
        ring: dict[str, Any] = {
            "linestyle": "none",
            "marker": "o",
            "markersize": 16,
            "fillstyle": "none",
            "markeredgewidth": 2,
        }
        ax.plot(x[chosen], values[chosen], color="black", label="_ring around", **ring)
    ax.set_xticks(x, [f"{row['exposure']}\n(n = {row['n']:,})" for row in rows])
    ax.set(xlabel="documents in the corpus that state the fact", ylabel=ylabel, ylim=(-3, 103), title=title)
    return fig, ax


def split_bars(rows: Sequence[Mapping], title: str) -> tuple[Figure, Axes]:
    """Horizontal stacked bars: certain and uncertain questions of each group.

    Args:
        rows: Dictionaries with ``group``, ``certain`` and ``uncertain`` (counts).
    """
    fig, ax = plt.subplots(figsize=(6.5, 0.3 * len(rows) + 1.2))
    names, certain, uncertain = ([row[key] for row in rows] for key in ("group", "certain", "uncertain"))
    ax.barh(names, certain, color=CERTAIN, label="certain (D1)")
    ax.barh(names, uncertain, left=certain, color=UNCERTAIN, hatch="///", edgecolor="white", label="uncertain (D0)")
    ax.invert_yaxis()
    ax.set(xlabel="questions", title=title)
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower center", ncols=2, frameon=False)
    return fig, ax


def certainty_histograms(
    certain: Sequence[float], uncertain: Sequence[float], xlabel: str, title: str, bins: int | Sequence[float] = 20
) -> tuple[Figure, Axes]:
    """Distribution of one quantity on D1 and on D0, each as shares of its own set, with lines at the means."""
    fig, ax = plt.subplots(figsize=(6.5, 3.4))
    edges = np.histogram_bin_edges([*certain, *uncertain], bins=bins)
    draw_histograms(ax, {"certain (D1)": certain, "uncertain (D0)": uncertain}, edges)
    for values, colour, look in zip((certain, uncertain), (CERTAIN, UNCERTAIN), SETS.values(), strict=True):
        if len(values):
            line: dict[str, Any] = {
                "color": colour,
                "linestyle": look.line,
                "label": "_" + tr("mean of {set}", set=look.label),
            }
            ax.axvline(float(np.mean(values)), **line)
    ax.set(xlabel=xlabel, ylabel="share of the set [%]", title=title)
    ax.legend(frameon=False)
    return fig, ax


def draw_histograms(ax: Axes, sets: Mapping[str, Sequence[float]], edges: np.ndarray, shares: bool = True) -> None:
    """Distribution of two sets, the first in the colour of certain questions: shares of each set [%], or counts."""
    for (label, values), colour, hatch in zip(sets.items(), (CERTAIN, UNCERTAIN), (None, "///"), strict=True):
        weights = np.full(len(values), 100 / max(len(values), 1)) if shares else None
        look: dict[str, Any] = {
            "facecolor": (*colour, 0.4),
            "edgecolor": colour,
            "hatch": hatch,
            "linewidth": 1,
            "label": label,
        }
        ax.hist(values, bins=list(edges), weights=weights, **look)


def interval_dots(rows: Sequence[Mapping], xlabel: str, title: str) -> tuple[Figure, Axes]:
    """Point estimates with intervals, one row each; certain and uncertain sets differ in colour and marker.

    Args:
        rows: Dictionaries with ``label``, ``value``, ``low``, ``high``, and optionally ``certain`` (bool).
    """
    fig, ax = plt.subplots(figsize=(6.5, 0.42 * len(rows) + 1.1))
    for y, row in enumerate(rows):
        error = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        marker, colour = ("o", CERTAIN) if row.get("certain", True) else ("s", UNCERTAIN)
        ax.errorbar(row["value"], y, xerr=error, marker=marker, color=colour, capsize=3)
    ax.set_yticks(range(len(rows)), [row["label"] for row in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set(xlabel=xlabel, title=title)
    return fig, ax


def loss_curves(curves: Mapping[str, Sequence[tuple[int, float]]], title: str) -> tuple[Figure, Axes]:
    """Training loss over optimiser steps, a line a method."""
    fig, ax = plt.subplots(figsize=(6.5, 3.4))
    styles = series_styles(curves)
    for method, points in curves.items():
        ax.plot(*zip(*points, strict=True), **styles[method] | {"marker": "o" if len(points) < 5 else None})
    ax.set(xlabel="optimiser step", ylabel="loss [nats per completion token]", title=title, ylim=(0, None))
    ax.legend(frameon=False)
    return fig, ax


Rankings = Mapping[str, Mapping[str, tuple[Sequence[int], Sequence[float]]]]
"""split -> method -> (correct, confidence)"""


def precision_recall_panels(curves: Rankings, title: str) -> Panels:
    """Precision over recall of the ranking by confidence, a panel a split; the dotted line is a random ranking."""

    def draw(ax: Axes, correct: Sequence[int], confidence: Sequence[float], style: dict) -> None:
        if any(correct):  # without a right answer there is no ranking to judge
            precision, recall, _ = precision_recall_curve(correct, confidence)
            ax.plot(recall * 100, precision * 100, drawstyle="steps-post", **style)
            ax.axhline(float(np.mean(correct)) * 100, color=style["color"], linestyle=":", linewidth=0.8)

    return _ranking_panels(curves, draw, "recall of right answers [%]", "precision [%]", title)


def risk_coverage_panels(curves: Rankings, title: str) -> Panels:
    """Share of wrong answers over the share of questions answered, most confident first, a panel a split."""

    def draw(ax: Axes, correct: Sequence[int], confidence: Sequence[float], style: dict) -> None:
        coverage, risk = risk_coverage(correct, confidence)
        ax.plot(coverage * 100, risk * 100, **style)

    labels = "coverage: questions answered [%]", "risk: wrong among answered [%]"
    return _ranking_panels(curves, draw, *labels, title)


def _ranking_panels(curves: Rankings, draw: Callable, xlabel: str, ylabel: str, title: str) -> Panels:
    fig, axes = panel_grid(len(curves), 3.6, 3.4, sharey=True)
    styles = series_styles((method for methods in curves.values() for method in methods), marker=False)
    for ax, (split, methods) in zip(axes, curves.items(), strict=True):
        for method, columns in methods.items():
            draw(ax, *columns, styles[method])
        ax.set(xlabel=xlabel, title=split)
    axes[0].set_ylabel(ylabel)
    return finish_panels((fig, axes), title)


def sureness_panels(columns: Mapping[str, tuple[Sequence[int], Sequence[float]]], title: str) -> Panels:
    """Histograms of the sure confidence of right and wrong answers, a panel a split; the line is the refusal border.

    Args:
        columns: split -> (correct, sure confidence).
    """
    fig, axes = panel_grid(len(columns), 3.6, 3.4, sharey=True)
    edges = np.linspace(0, 1, 21)
    for ax, (split, (correct, sure)) in zip(axes, columns.items(), strict=True):
        right, score = np.asarray(correct, dtype=bool), np.asarray(sure)
        draw_histograms(ax, {"right answer": score[right], "wrong answer": score[~right]}, edges, shares=False)
        ax.axvline(WILLING, color="black", linestyle="--", linewidth=1)
        ax.set(xlabel="sure confidence P(sure)", title=split)
    axes[0].set_ylabel("questions")
    return finish_panels((fig, axes), title)


def rate_by_exposure(curves: Mapping[str, Sequence[Mapping]], ylabel: str, title: str) -> tuple[Figure, Axes]:
    """A rate over exposure bins, a line a method, with 95 % intervals.

    Args:
        curves: method -> rows with ``exposure`` (label), ``rate``, ``low`` and ``high`` (0 to 1).
        ylabel: What is counted [%].
    """
    fig, ax = plt.subplots(figsize=(6.5, 3.6))
    styles = series_styles(curves)
    for shift, (method, rows) in zip(np.linspace(-0.08, 0.08, len(curves)), curves.items(), strict=True):
        rate, low, high = (np.array([row[key] for row in rows]) * 100 for key in ("rate", "low", "high"))
        x = np.arange(len(rows)) + shift
        ax.errorbar(x, rate, yerr=[rate - low, high - rate], capsize=3, **styles[method] | {"marker": "o"})
    ax.set_xticks(range(len(rows)), [row["exposure"] for row in rows])
    ax.set(xlabel="documents in the corpus that state the fact", ylabel=ylabel, ylim=(-3, 103), title=title)
    ax.legend(frameon=False)
    return fig, ax


def waterfall_panels(rows: Sequence[Mapping], measures: Mapping[str, tuple[str, float]], title: str) -> Panels:
    """What each step of a chain adds, a panel a measure: bars from the value before to the value after.

    Args:
        rows: In the order of the chain, dictionaries with ``label`` and each measure; the first is the start.
        measures: measure -> (label of the axis with its unit, factor by which values are shown).
    """
    fig, axes = panel_grid(len(measures), 2.6, 0.26 * len(rows) + 1.3, margin=2, sharey=True)
    y = np.arange(len(rows))
    for ax, (measure, (label, factor)) in zip(axes, measures.items(), strict=True):
        values = np.array([row[measure] for row in rows], dtype=float) * factor
        before = np.concatenate([values[:1], values[:-1]])
        change = values - before
        colours = [CERTAIN if c >= 0 else UNCERTAIN for c in change]
        hatches = ["///" if c < 0 else "" for c in change]
        ax.barh(y, change, left=before, color=colours, hatch=hatches, height=0.55, label="_change")
        ax.plot(values, y, linestyle="none", marker="o", markersize=5, color="black", label="_value after it")
        low, high = values.min(), values.max()
        room = max(high - low, 0.1 * abs(high))  # so that a change of a hundredth does not look like a landslide
        ax.set(xlabel=label, xlim=((low + high) / 2 - 0.6 * room, (low + high) / 2 + 0.6 * room))
    axes[0].set_yticks(y, [row["label"] for row in rows])
    axes[0].invert_yaxis()
    return finish_panels((fig, axes), title)


def difference_dots(rows: Sequence[Mapping], xlabel: str, title: str) -> tuple[Figure, Axes]:
    """Differences with their sampling error; filled where the error does not reach zero, hollow where it does.

    Args:
        rows: Dictionaries with ``label``, ``difference`` and ``half_width``, in the unit of the axis.
    """
    fig, ax = plt.subplots(figsize=(6.5, 0.22 * len(rows) + 1.2))
    for y, row in enumerate(rows):
        draw_dot(ax, row["difference"], y, row["half_width"], abs(row["difference"]) > row["half_width"])
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(range(len(rows)), [row["label"] for row in rows])
    ax.invert_yaxis()
    ax.set(xlabel=xlabel, title=title)
    return fig, ax


def draw_dot(ax: Axes, x: float, y: float, xerr: ArrayLike, filled: bool) -> None:
    """A dot with its interval; grey and hollow unless filled."""
    colour, face = (_COLOURS[0], _COLOURS[0]) if filled else (_COLOURS[7], "white")
    ax.errorbar(x, y, xerr=xerr, marker="o", color=colour, markerfacecolor=face, capsize=3)


def stacked_shares(shares: DataFrame, xlabel: str, ylabel: str, title: str) -> tuple[Figure, Axes]:
    """Stacked bars of shares that sum to 100 %: a bar for each row of the frame, a part for each column."""
    fig, ax = plt.subplots(figsize=(6.5, 3.8))
    bottom = np.zeros(len(shares))
    hatches = (None, "...", "///", "xxx", "\\\\\\")
    for place, (name, part) in enumerate(shares.items()):
        colour, hatch = _COLOURS[(0, 9, 1, 3, 7)[place % 5]], hatches[place % 5]
        ax.bar(range(len(shares)), part, bottom=bottom, color=colour, hatch=hatch, edgecolor="white", label=name)
        bottom += part.to_numpy()
    ax.set_xticks(range(len(shares)), shares.index)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, ylim=(0, 100))
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower center", ncols=len(shares.columns), frameon=False)
    return fig, ax


def series_styles(names: Iterable[str], marker: bool = True) -> dict[str, dict]:
    """For each series of a figure its label, colour, dashes and marker, as matplotlib's functions take them."""
    return {
        name: {"label": look.label, "color": _COLOURS[look.colour], "linestyle": look.line}
        | ({"marker": look.marker} if marker else {})
        for name, look in looks_of(names).items()
    }
