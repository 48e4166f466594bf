"""Notebooks in another language: their text cells translated, their code cells those of the English source.

``source/ko/01_x.md`` has the translations of the text of ``source/01_x.py``, each below a line with the stamp of the
English cell that it belongs to, in any order::

    <!-- cell 1a2b3c4d -->
    # 01 · 모델은 무엇을 알고 있는가

A changed English cell has another stamp, and is shown in English until somebody has looked at its translation.
``README.ko.md`` is stamped in the same way, a section at a time.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from rtuning_helpers.app.repository import neutral

STAMP = re.compile(r"^<!-- \w+ ([0-9a-f]{8}) -->\n", flags=re.M)


def stamp(english: str) -> str:
    """The first eight hexadecimal digits of a text's SHA-256, wherever the kit is published."""
    return hashlib.sha256(neutral(english).strip().encode()).hexdigest()[:8]


def read_translations(path: Path) -> dict[str, str]:
    """Stamp of the English text -> translation, as a file has them."""
    parts = STAMP.split(path.read_text(encoding="utf-8"))[1:]
    return {key: text.strip() for key, text in zip(parts[::2], parts[1::2], strict=True)}


def translated(english: str, translations: Mapping[str, str]) -> str:
    """A text's translation, or the text itself where there is none of its present wording."""
    return translations.get(stamp(english), english)


def sections(page: str) -> list[str]:
    """A page in Markdown, cut before its headings of the second order; fenced code has none."""
    cuts, fenced = [0], False
    for line in re.finditer(r".*\n?", page):
        fenced ^= line[0].startswith("```")
        if line[0].startswith("## ") and not fenced:
            cuts.append(line.start())
    return [page[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(page)], strict=True)]


def out_of_date(english: Iterable[str], translations: Mapping[str, str], where: str) -> list[str]:
    """One line for each text without translation, and for each translation of what is no longer there."""
    texts = {stamp(text): text for text in english}
    reasons = [
        f"{where}: no translation {key} of {text.strip().splitlines()[0][:60]!r}"
        for key, text in texts.items()
        if key not in translations
    ]
    return reasons + [
        f"{where}: translation {key} belongs to no text any more: {text.splitlines()[0][:60]!r}"
        for key, text in translations.items()
        if key not in texts
    ]
