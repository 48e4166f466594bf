"""The language in which notebooks speak: that of the folder they lie in (``notebooks/ko``), English everywhere else.

A message is written in English where it is needed and handed to `tr`; ``locale/<language>.po`` (gettext's format)
has its translation. What has none, stays English.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

from rtuning_helpers.errors import InputError

ENGLISH = "en"
LANGUAGES = ("ko",)  # beside English; each has a catalogue
VARIABLE = "RTUNING_LANGUAGE"
CATALOGUES = Path(__file__).parent / "locale"


def language() -> str:
    """The language of this process.

    The environment's ``RTUNING_LANGUAGE`` says it. Where it says nothing, the current folder does, which is the
    notebook's own in JupyterLab, VS Code and `rtuning`: ``notebooks/ko``, or a folder in it.

    Raises:
        InputError: ``RTUNING_LANGUAGE`` is none that the kit speaks.
    """
    if chosen := os.environ.get(VARIABLE):
        if chosen not in (ENGLISH, *LANGUAGES):
            raise InputError(f"{VARIABLE} is {chosen!r}; expected one of {', '.join((ENGLISH, *LANGUAGES))}")
        return chosen
    try:
        folder = Path.cwd()
    except OSError:  # it is gone
        return ENGLISH
    places = zip(folder.parts[-3:], folder.parts[-2:], strict=False)
    return next((name for parent, name in places if parent == "notebooks" and name in LANGUAGES), ENGLISH)


def tr(message: str, **parts: Any) -> str:
    """A message in the language of this process.

    Args:
        message: The English text; with ``{name}`` in the place of each part, if there are any.
        parts: What stands in these places; texts among them are translated too.
    """
    return _filled(message, language(), parts)


def in_every_language(message: str) -> list[str]:
    """A message in English and in all other languages, for what reads it again."""
    return [_filled(message, name, {}) for name in (ENGLISH, *LANGUAGES)]


def _filled(message: str, name: str, parts: dict[str, Any]) -> str:
    known = {} if name == ENGLISH else catalogue(name)
    text = known.get(message, message)
    said = {key: known.get(part, part) if isinstance(part, str) else part for key, part in parts.items()}
    return text.format(**said) if parts else text


@cache
def catalogue(name: str) -> dict[str, str]:
    """English message -> translation, of one language."""
    from babel.messages.pofile import read_po  # not needed in English

    with (CATALOGUES / f"{name}.po").open("rb") as file:
        found = read_po(file, locale=name)
    pairs = [(m.id, m.string) for m in found if not m.fuzzy]
    return {id: said for id, said in pairs if isinstance(id, str) and isinstance(said, str) and id and said}
