"""One look for each method in every figure. Plain data: nothing here draws, and nothing here knows the methods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

LINES: tuple[str | tuple, ...] = ("-", "--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "osD^vP*"
COLOURS = tuple(range(10))


@dataclass(frozen=True)
class Look:
    """How a method appears in figures; colour, line and marker each tell it from the others.

    Attributes:
        label: Its name for people.
        colour: Its place in seaborn's colour-blind palette, 0 to 9.
        line: Its dashes, as matplotlib takes them.
        marker: Its marker, as matplotlib takes it.
    """

    label: str
    colour: int
    line: str | tuple
    marker: str


_of_methods: dict[str, Look] = {}


def set_method_looks(looks: Mapping[str, Look]) -> None:
    """Say how methods look from now on; each is known by its key and by its label."""
    _of_methods.clear()
    _of_methods.update(looks)
    _of_methods.update({look.label: look for look in looks.values()})


def looks_of(names: Iterable[str]) -> dict[str, Look]:
    """The look of each series of a figure: a method's own, and for any other series one that no method has.

    A figure without methods uses the whole palette.
    """
    names = list(dict.fromkeys(names))
    taken = {look.colour for look in _of_methods.values()} if any(name in _of_methods for name in names) else set()
    free, place, found = [c for c in COLOURS if c not in taken] or COLOURS, count(), {}
    for name in names:
        if name in _of_methods:
            found[name] = _of_methods[name]
        else:
            i = next(place)
            found[name] = Look(name, free[i % len(free)], LINES[i % len(LINES)], MARKERS[i % len(MARKERS)])
    return found
