"""Read a confidence out of what a model wrote: a percentage, or words. What cannot be read is NaN, never 0."""

import math
import re

from rtuning_helpers.data import prompts
from rtuning_helpers.data.words import normalised_words

_NUMBER = re.compile(
    r"(?<![\w.,/\u2212-])(?P<number>(?:\d+(?:[.,]\d+)?|\.\d+)(?:e[+-]?\d+)?)"
    r"(?:\s*(?P<percent>%|per ?cent\b)"
    r"|\s*(?:/|(?:out )?of\b|in\b|on a scale (?:of|from)(?: \d+ ?(?:to|-|–))?)\s*"
    r"(?P<whole>\d+(?:\.\d+)?|ten\b|(?:a )?hundred\b))?"
    r"(?!\w|[.,/]\d|\s*(?:/|out of\b))",
    re.IGNORECASE,
)
_LARGEST_WHOLE = 1000  # "3 in 1998" is no fraction


def parse_percentage(text: str) -> float:
    """The first number between 0 and 100, or fraction, as a share, 0 to 1; NaN if there is none.

    A bare number of at most 1 with decimal places or an exponent is read as a share already, and a comma before three
    digits as one between thousands; "50/50" is one half.

    >>> [parse_percentage(text) for text in ("80", "80 %", "0.8", ".8", "8/10", "8 out of 10")]
    [0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    """
    for found in _NUMBER.finditer(text):
        written = re.sub(r"\A([1-9]\d{0,2}),(?=\d{3}\b)", r"\1", found["number"])
        number, whole = float(written.replace(",", ".")), found["whole"]
        if whole:
            of = {"ten": 10.0, "hundred": 100.0}.get(whole.casefold().split()[-1]) or float(whole)
            if of and number <= of <= _LARGEST_WHOLE:
                return 0.5 if number == of == 50 else number / of
        elif number <= 1 and not found["percent"] and not written.isdigit():
            return number
        elif number <= 100:
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
