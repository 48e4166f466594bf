"""One look for each method, and for D1 and D0, in every figure.

Plain data: nothing here draws, and nothing here knows the methods.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

LINES: tuple[str | tuple, ...] = ("-", "--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "osD^vP*"
COLOURS = tuple(range(10))


@dataclass(frozen=True)
class Look:
    """How a method appears in figures; colour, line and marker each tell it from the others.

    Attributes:
        label: Its name for people.
        colour: Its place in seaborn's colour-blind palette, 0 to 9, or from 10 on in its dark one.
        line: Its dashes, as matplotlib takes them.
        marker: Its marker, as matplotlib takes it.
    """

    label: str
    colour: int
    line: str | tuple
    marker: str


SETS = {"D1": Look("certain (D1)", 0, "-", "o"), "D0": Look("uncertain (D0)", 3, "--", "s")}
_of_methods: dict[str, Look] = {}


def set_method_looks(looks: Mapping[str, Look]) -> None:
    """Say how methods look from now on; each is known by its key and by its label."""
    _of_methods.clear()
    _of_methods.update(looks)
    _of_methods.update({look.label: look for look in looks.values()})


def looks_of(names: Iterable[str]) -> dict[str, Look]:
    """The look of each series of a figure: a method's own, that of a set, or for any other one that none of them has.

    A figure without methods uses the whole palette. A series about a set begins with its name: ``D0, not tuned on``.
    """
    names = list(dict.fromkeys(names))
    sets = {name: replace(SETS[name[:2]], label=name) for name in names if name[:2] in SETS}
    with_methods = any(name in _of_methods for name in names)
    taken = {look.colour for look in (*sets.values(), *(_of_methods.values() if with_methods else ()))}
    free, place, found = [c for c in COLOURS if c not in taken] or COLOURS, count(), {}
    for name in names:
        if name in _of_methods or name in sets:
            found[name] = _of_methods.get(name) or sets[name]
        else:
            i = next(place)
            found[name] = Look(name, free[i % len(free)], LINES[i % len(LINES)], MARKERS[i % len(MARKERS)])
    return found
