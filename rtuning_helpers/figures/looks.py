"""One look for each method in every figure. Plain data: nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass


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
    line: str | tuple = "-"
    marker: str = "o"
