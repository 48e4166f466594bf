"""Where an answer ends: at a line break, or at the first full stop that does not belong to the answer itself.

Line breaks before the answer end nothing; models that were taught to chat often begin with some. The marks that end a
sentence in Chinese and Japanese (`FULL_WIDTH_STOPS`) always end the answer.

A full stop belongs to the answer

* between two digits (``3.5 million``), or before a digit or a letter where a word begins with it (``.5``, ``.NET``);
* behind a single letter (``Samuel L. Jackson``, ``U.S. Navy``) or one of `ABBREVIATIONS` (``St. Petersburg``) where a
  letter or a digit follows, at once or behind one space, unless that begins the sureness question or is one of
  `OPENERS`, which begin a sentence but no name (``Malcolm X. He was``);
* inside a word that holds a full stop already (``www.example.com``).

What stands before a full stop tells whether what follows has to be read at all, so that most answers end without a look
ahead.
"""

import re

from rtuning_helpers.data.prompts import STOP

ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st ste mt ft sr jr rev hon gen col capt cmdr lt sgt gov sen rep pres bros inc ltd co corp "
    "vs vol op approx www".split()
)
OPENERS = frozenset("He She It They We You I This That These Those The A An There His Her Its Their In".split())
FULL_WIDTH_STOPS = "。｡！？"
_ENDS = re.compile(rf"[.\n{FULL_WIDTH_STOPS}]")
_FIRST_WORD = re.compile(r" ([^\W_]*)(.?)", re.DOTALL)
_LAST_PART = re.compile(r"[^\W_]*\Z")
_FOLLOW_UP = " Are you "  # of the sureness question


def answer_end(text: str, complete: bool = True) -> tuple[int, bool]:
    """Find the end of the answer with which a text begins.

    Args:
        complete: Whether nothing follows any more; else a full stop may be undecided.

    Returns:
        The number of characters before the full stop or line break that ends the answer (the whole text where there is
        none), and whether more text could change it.
    """
    for found in _ENDS.finditer(text, _start(text)):
        place = found.start()
        belongs = found[0] == STOP and _belongs_to_answer(text[:place], text[place + 1 :], complete)
        if belongs is None:
            return place, not complete
        if not belongs:
            return place, False
    return len(text), not complete


def line_end(text: str, complete: bool = True) -> tuple[int, bool]:
    """As `answer_end`, for a reply that ends at a line break only, such as ``0.85`` or ``About 8. Maybe 9.``"""
    place = text.find("\n", _start(text))
    return (place, False) if place >= 0 else (len(text), not complete)


def cut_answer(text: str) -> str:
    """The answer with which a text begins, without surrounding space."""
    return text[: answer_end(text)[0]].strip()


def _start(text: str) -> int:
    """Where an answer begins, behind white space."""
    return len(text) - len(text.lstrip())


def _belongs_to_answer(before: str, after: str, complete: bool) -> bool | None:
    """Whether the full stop between two texts belongs to the answer; None if more has to be read to tell."""
    part = _LAST_PART.findall(before)[0]
    word = before.rpartition(" ")[2]
    if part[-1:].isdigit():
        return after[0].isdigit() if after else None
    if len(part) == 1 or part.casefold() in ABBREVIATIONS:
        if _FOLLOW_UP.startswith(after):
            return None
        opens = _opens_sentence(after)
        if opens is None and not complete:
            return None
        return after.removeprefix(" ")[:1].isalnum() and not opens and not after.startswith(_FOLLOW_UP)
    if not word.strip() or (part and STOP in word):
        return after[0].isalnum() if after else None
    return False


def _opens_sentence(after: str) -> bool | None:
    """Whether one of `OPENERS` stands there, and not an initial; None where that word may be only begun."""
    found = _FIRST_WORD.match(after)
    if found is None:
        return False
    word, behind = found.groups()
    if not behind:
        return None if any(opener.startswith(word) for opener in OPENERS) else False
    return word in OPENERS and (behind.isspace() or behind in ",'’")
