"""Contrast of colours, and colours made dark enough: Web Content Accessibility Guidelines 2.2, level AA."""

from collections.abc import Sequence

import numpy as np

TEXT, GRAPHICS = 4.5, 3.0  # the least contrast with what lies behind: success criteria 1.4.3 and 1.4.11
Colour = Sequence[float]  # red, green and blue, 0 to 1; what follows (opacity) is not looked at


def contrast(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def dark_enough(colour: Colour, on: Colour = (1, 1, 1), least: float = GRAPHICS) -> tuple[float, float, float]:
    """The colour, mixed with as much black as it needs on a light ground."""
    for share in np.linspace(1, 0, 101):
        mixed = tuple(float(share * part) for part in colour[:3])
        if contrast(mixed, on) >= least:
            break
    return mixed  # type: ignore[return-value]


def readable_on(ground: Colour) -> str:
    """Black or white, whichever reads better there; one of them always has the contrast of `TEXT`."""
    return max(("black", "white"), key=lambda name: contrast((float(name == "white"),) * 3, ground))


def _luminance(colour: Colour) -> float:
    parts = np.array(colour[:3], dtype=float)
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
