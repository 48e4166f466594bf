"""A figure in words, for those who do not see it: kind, axes, trend and numbers, read from what matplotlib drew."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FuncFormatter

from rtuning_helpers.language import tr

LINES, DOTS = "line chart", "dots with intervals"
MOST = 12  # values that are read out one by one; of more, the ends and extremes
LEVEL = 0.02  # of the axis: less is no change
NOTHING = 1e-12  # what sums leave over in the place of zero
OUTSIDE = 0.05  # of the axis: how far an extreme lies beyond both ends to be told


@dataclass
class _Series:
    """Values with the places they belong to, and their intervals if they have any."""

    kind: str
    name: str
    at: list[str]
    values: np.ndarray
    bounds: list[tuple[float, float]]
    span: float  # of the axis of values

    def words(self) -> str:
        spoken = f"{self.name}: " if self.name else ""
        many = len(self.values) > MOST
        if many and self.kind != LINES:
            order = np.argsort(-self.values, kind="stable")
            largest, smallest = (", ".join(self._one(i) for i in part) for part in (order[:3], order[-3:]))
            said = "{n} values, the largest {largest}; the smallest {smallest}"
            return spoken + tr(said, n=len(order), largest=largest, smallest=smallest)
        trend = [_trend(self.at, self.values, self.span)] if self.kind == LINES and len(self.values) > 2 else []
        values = [] if many else [", ".join(map(self._one, range(len(self.values))))]
        return spoken + "; ".join(trend + values)

    def _one(self, i: int) -> str:
        value = number(self.values[i])
        if self.bounds:
            low, high = map(number, self.bounds[i])
            value += tr(" ({low} to {high})", low=low, high=high)
        return tr("{value} {at}", value=value, at=self.at[i])


def describe(fig: Figure) -> str:
    """The figure as text: its title, and of each panel the kind, the axes, and each series with trend and numbers.

    An axes whose label is set (`Axes.set_label`, which no figure shows) says that instead of what it holds.
    """
    panels = [ax for ax in fig.axes if ax.get_label() != "<colorbar>"]
    title = fig.get_suptitle()
    parts = [f"{_plain(title)}."] if title else []
    if len(panels) > 1:
        parts.append(tr("{n} panels.", n=len(panels)))
    labels: dict[str, str] = {}  # panels that share an axis name it once
    for ax in panels:
        labels |= {side: text for side, text in (("x", ax.get_xlabel()), ("y", ax.get_ylabel())) if text}
        parts.append(_panel(ax, labels))
    return " ".join(parts)


def number(value: float) -> str:
    """Three digits, or all those before the point: 0.123, 12.3, 1,234; what a sum leaves over of zero is zero."""
    if abs(value) < NOTHING:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _panel(ax: Axes, labels: Mapping[str, str]) -> str:
    title = _plain(ax.get_title("left") or ax.get_title())
    if ax.get_label():
        return ": ".join(part for part in (title, str(ax.get_label())) if part)
    series = [*_bars(ax), *_dots_and_lines(ax), *_heatmap(ax)]
    kinds = tr(" and ").join(dict.fromkeys(tr(one.kind) for one in series)) or tr("nothing drawn")
    across, up = _axis(ax.xaxis, labels.get("x", "")), _axis(ax.yaxis, labels.get("y", ""))
    axes = [side + text for side, text in ((tr("horizontal axis: "), across), (tr("vertical axis: "), up)) if text]
    head = f"{title}: {kinds}" if title else kinds.capitalize()
    return "; ".join([head, *axes]) + ". " + ". ".join([*(one.words() for one in series), *_borders(ax)]) + "."


def _axis(axis: Axis, label: str) -> str:
    ticks = (
        []
        if _names(axis)
        else [t for t in axis.get_majorticklocs() if min(v := axis.get_view_interval()) <= t <= max(v)]
    )
    reach = tr("from {low} to {high}", low=number(ticks[0]), high=number(ticks[-1])) if len(ticks) > 1 else ""
    return ", ".join(part for part in (_plain(label), reach) if part)


def _names(axis: Axis) -> dict[float, str]:
    """What stands at the ticks, where those are words."""
    formatter = axis.get_major_formatter()
    if not isinstance(formatter, (FixedFormatter, FuncFormatter, StrCategoryFormatter)):
        return {}
    places = axis.get_majorticklocs()
    return {float(p): _plain(text) for p, text in zip(places, formatter.format_ticks(list(places)), strict=True)}


def _places(axis: Axis, values: Iterable[float]) -> list[str]:
    """Where values lie on an axis: "for" the word at the nearest tick, or "at" the number."""
    names = _names(axis)
    if names:
        nearest = [names[min(names, key=lambda tick: abs(tick - value))] for value in values]
        return [tr("for {name}", name=name) for name in nearest]
    return [tr("at {place}", place=number(value)) for value in values]


def _span(axis: Axis) -> float:
    low, high = axis.get_view_interval()
    return abs(high - low)


def _bars(ax: Axes) -> list[_Series]:
    found = []
    for bars in (c for c in ax.containers if isinstance(c, BarContainer)):
        name = _label(bars.get_label()) or _label(bars[0].get_label())
        lengths = np.asarray(bars.datavalues, dtype=float)
        sideways = bars.orientation == "horizontal"
        if not sideways and not _names(ax.xaxis):
            found.append(_histogram(ax, name, bars, lengths))
            continue
        places, values = (ax.yaxis, ax.xaxis) if sideways else (ax.xaxis, ax.yaxis)
        middles = [b.get_y() + b.get_height() / 2 if sideways else b.get_x() + b.get_width() / 2 for b in bars]
        kind = "chart of horizontal bars" if sideways else "bar chart"
        found.append(_Series(kind, name, _places(places, middles), lengths, [], _span(values)))
    return found


def _histogram(ax: Axes, name: str, bars: BarContainer, heights: np.ndarray) -> _Series:
    """Where it is highest, and where its middle lies."""
    edges = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    top, half = int(np.argmax(heights)), int(np.searchsorted(np.cumsum(heights), heights.sum() / 2))
    low, high = map(number, edges[top])
    middle = number(edges[min(half, len(edges) - 1)][1])
    said = "from {low} to {high} at its highest, half of it lies below {middle}"
    at = tr(said, low=low, high=high, middle=middle)
    return _Series("histogram", name, [at], heights[[top]], [], _span(ax.yaxis))


def _dots_and_lines(ax: Axes) -> list[_Series]:
    drawn: list[_Series] = []
    single: list[tuple[str, float, tuple[float, float]]] = []  # dots without a name, each drawn for itself
    inside = set()
    for dots in (c for c in ax.containers if isinstance(c, ErrorbarContainer)):
        line = dots.lines[0]
        inside |= {line, *dots.lines[1]}
        sideways = dots.has_xerr and not dots.has_yerr
        places, values = (ax.yaxis, ax.xaxis) if sideways else (ax.xaxis, ax.yaxis)
        x, y = (np.asarray(part, dtype=float) for part in line.get_data())
        at, value = (y, x) if sideways else (x, y)
        bars = [np.asarray(s) for s in dots.lines[2][-1].get_segments()]
        there = [bool(len(bar)) and bool(np.isfinite(v)) for bar, v in zip(bars, value, strict=True)]  # else not drawn
        if not any(there):
            continue
        at, value = at[there], value[there]
        ends = [bar[:, 0 if sideways else 1] for bar, drawn_too in zip(bars, there, strict=True) if drawn_too]
        bounds = [(float(min(e)), float(max(e))) for e in ends]
        name = _label(dots.get_label())
        if not name and len(value) == 1:
            single.append((_places(places, at)[0], float(value[0]), bounds[0]))
        else:
            kind = DOTS if line.get_linestyle() == "None" else LINES
            drawn.append(_Series(kind, name, _places(places, at), value, bounds, _span(values)))
    if single:
        names, alone, bounds = [dot[0] for dot in single], [dot[1] for dot in single], [dot[2] for dot in single]
        drawn.append(_Series(DOTS, "", names, np.array(alone), bounds, _span(ax.xaxis)))
    free = [line for line in ax.lines if line not in inside and _in_data(ax, line) == (True, True)]
    drawn += [one for one in (_line(ax, line) for line in free) if len(one.values)]
    drawn += [
        _marks(ax, lines) for lines in ax.collections if isinstance(lines, LineCollection) and _label(lines.get_label())
    ]
    return drawn


def _line(ax: Axes, line: Line2D) -> _Series:
    sideways = bool(_names(ax.yaxis)) and line.get_linestyle() == "None"  # dots beside the words
    x, y = (np.asarray(part, dtype=float) for part in line.get_data())
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if len(x) and not sideways and x[0] > x[-1]:
        x, y = x[::-1], y[::-1]
    order = np.arange(len(x)) if sideways else np.argsort(x, kind="stable")
    places, at, values = (ax.yaxis, y, x) if sideways else (ax.xaxis, x, y)
    kind = "dots" if line.get_linestyle() == "None" else LINES
    span = _span(ax.xaxis if sideways else ax.yaxis)
    return _Series(kind, _label(line.get_label()), _places(places, at[order]), values[order], [], span)


def _marks(ax: Axes, lines: LineCollection) -> _Series:
    middles = [(np.mean(s[:, 0]), np.mean(s[:, 1])) for s in lines.get_segments()]
    at = _places(ax.xaxis, [x for x, _ in middles])
    return _Series("marks", _label(lines.get_label()), at, np.array([y for _, y in middles]), [], _span(ax.yaxis))


def _heatmap(ax: Axes) -> list[_Series]:
    """A series for each row."""
    found = []
    bars = [other.get_ylabel() for other in ax.figure.axes if other.get_label() == "<colorbar>"]
    kind = tr("heatmap of {what}", what=bars[0]) if bars else tr("heatmap")
    for mesh in (c for c in ax.collections if isinstance(c, QuadMesh)):
        table = np.ma.filled(np.ma.asarray(mesh.get_array()).astype(float), np.nan)
        columns, rows = list(_names(ax.xaxis).values()), list(_names(ax.yaxis).values())
        for name, values in zip(rows, table.reshape(len(rows), len(columns)), strict=True):
            there = np.isfinite(values)
            at = [tr("for {name}", name=column) for column, known in zip(columns, there, strict=True) if known]
            found.append(_Series(kind, name, at, values[there], [], 0.0))
    return found


def _borders(ax: Axes) -> list[str]:
    """Lines over the whole panel: their names, or where they lie."""
    found: dict[str, list[str]] = {}
    for line in ax.lines:
        sides = _in_data(ax, line)
        if sides in ((True, False), (False, True)):
            upright = sides == (True, False)
            value = number(float(np.asarray(line.get_xdata() if upright else line.get_ydata())[0]))
            name = _label(line.get_label())
            kind = tr("vertical line at") if upright else tr("horizontal line at")
            found.setdefault(tr("{name}, all along", name=name) if name else kind, []).append(value)
    return [f"{kind} {', '.join(dict.fromkeys(values))}" for kind, values in found.items()]


def _in_data(ax: Axes, line: Line2D) -> tuple[bool, bool]:
    """Whether its x and its y are values of the axes; those of lines over the whole panel are in one direction only."""
    x, y = line.get_transform().contains_branch_seperately(ax.transData)
    return x, y


def _trend(at: Sequence[str], values: np.ndarray, span: float) -> str:
    """Rises, falls or neither, from where to where, and what lies beyond both ends."""
    start, end, low, high = values[0], values[-1], values.min(), values.max()
    first, last = at[0], at[-1]
    if high - low <= LEVEL * span:
        return tr("stays near {value} throughout", value=number(float(np.mean(values))))
    ends = {"start": number(start), "first": first, "end": number(end), "last": last}
    if end - start > (high - low) / 2:
        text = tr("rises from {start} {first} to {end} {last}", **ends)
    elif start - end > (high - low) / 2:
        text = tr("falls from {start} {first} to {end} {last}", **ends)
    else:
        text = tr("goes up and down, from {start} {first} to {end} {last}", **ends)
    if len(values) > MOST:
        text += tr(", halfway {value} {at}", value=number(values[len(values) // 2]), at=at[len(at) // 2])
    top, bottom = int(values.argmax()), int(values.argmin())
    if high - max(start, end) > OUTSIDE * span:
        text += tr(", highest {value} {at}", value=number(values[top]), at=at[top])
    if min(start, end) - low > OUTSIDE * span:
        text += tr(", lowest {value} {at}", value=number(values[bottom]), at=at[bottom])
    return text


def _label(label: object) -> str:
    """A label, also one that begins with an underscore so that no legend shows it, but none that matplotlib gave."""
    text = _plain(str(label or ""))
    return "" if text.startswith(("_child", "_nolegend", "_container")) else tr(text.lstrip("_"))


def _plain(text: str) -> str:
    return " ".join(text.split())
