"""Read a confidence out of what a model wrote: a percentage, or words. What cannot be read is NaN, never 0."""

from __future__ import annotations

import math
import re

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import normalised_words

_NUMBER = re.compile(r"(?<![\w.,-])(\d{1,3}(?:[.,]\d+)?)\s*(%|percent\b)?", re.IGNORECASE)


def parse_percentage(text: str) -> float:
    """The first number between 0 and 100 as a share, 0 to 1; NaN if there is none.

    A bare number of at most 1 with decimal places is read as a share already: ``0.8`` is 0.8, as are ``80`` and
    ``80 %``.
    """
    for found in _NUMBER.finditer(text):
        number, percent = float(found[1].replace(",", ".")), found[2]
        if number <= 1 and not percent and not found[1].isdigit():
            return number
        if number <= 100:
            return number / 100
    return math.nan


def parse_words(text: str) -> float:
    """The confidence behind the longest known phrase in the text, 0 to 1; NaN if there is none."""
    words = normalised_words(text)
    for phrase in sorted(prompts.CONFIDENCE_WORDS, key=lambda p: -len(p.split())):
        wanted = phrase.split()
        if any(words[i : i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1)):
            return prompts.CONFIDENCE_WORDS[phrase]
    return math.nan
