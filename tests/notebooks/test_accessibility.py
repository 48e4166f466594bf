"""Notebooks for those who see them not or not well: figures in words, headings in order, links that say where to."""

from __future__ import annotations

import re
from html import unescape

import nbformat
import pytest
from build import NOTEBOOKS as FOLDER
from build import unexecuted_notebooks

from rtuning_helpers.language import in_every_language

NOTEBOOKS = unexecuted_notebooks()
ENGLISH_KINDS = "line chart|bar chart|chart of horizontal bars|histogram|dots|heatmap|bands whose width".split("|")
KINDS = "|".join(said for kind in ENGLISH_KINDS for said in in_every_language(kind))
OPENS = "|".join(in_every_language("This figure in words"))
IN_WORDS = rf"<details><summary>(?:{OPENS})</summary><p>(.*)</p></details>"
SAYS_NOTHING = {"here", "this", "link", "click here", "more", "read more"}


def prose(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_figure_is_told_in_words(name):
    """As alternative text, which some that show notebooks take over, and in a line below, which all of them show."""
    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    figures = 0
    for cell in cells:
        outputs = cell.get("outputs", [])
        for output, after in zip(outputs, [*outputs, {}][1:], strict=True):
            if "image/png" not in output.get("data", {}):
                continue
            figures += 1
            words = output.metadata.get("image/png", {}).get("alt", "")
            assert re.search(KINDS, words, flags=re.I), f"figure {figures} of {name}: {words!r}"
            assert len(re.findall(r"\d", words)) >= 2 and len(words) > 60, words
            below = re.fullmatch(IN_WORDS, after.get("data", {}).get("text/html", ""))
            assert below and unescape(below[1]) == words
    assert figures or "/" in name


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_headings_skip_no_level(name):
    levels = [
        len(marks)
        for marks in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", prose(NOTEBOOKS[name]), flags=re.S), flags=re.M)
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))  # noqa: B905 - pairs


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_links_and_pictures_say_what_they_are(name):
    text = prose(NOTEBOOKS[name])
    links = [link.strip().lower() for link in re.findall(r"(?<!!)\[([^\[\]]*)\]\(", text)]
    assert [link for link in links if not link or link in SAYS_NOTHING] == []
    assert [alt for alt in re.findall(r"!\[([^\]]*)\]", text) if len(alt) < 10] == []
    assert [image for image in re.findall(r"<img[^>]*>", text) if not re.search(r'alt="[^"]+', image)] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_text_has_a_colour_of_its_own(name):
    """The page's theme, light or dark, sees to the contrast; and tables name their columns."""
    shown = [
        output.get("data", {}).get("text/html", "")
        for cell in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
        for output in cell.get("outputs", [])
    ]
    assert (
        re.findall(r"(?<![-\w])(?:color|background(?:-color)?)\s*[:=]", prose(NOTEBOOKS[name]) + "".join(shown)) == []
    )
    assert all("<th" in table for table in re.findall(r"<table.*?</table>", "".join(shown), flags=re.S))
