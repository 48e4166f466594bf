"""The glossary and the notebooks: every word is explained once, and linked from where it is first used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from build import read_source, source_files

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS = dict(re.findall(r"^### (.+)\n(.+)", TEXT, flags=re.M))
LINK = r"\[([^\]]+)\]\((?:\.\./)+docs/glossary\.md#%s\)"
STAYS = r"`[^`]*`|\[[^\]]*\]\([^)]*\)|\$[^$]*\$|<[^>]*>"  # code, links, formulas and marks are no prose
ASIDE = ("### Exercise", "<details>", "## Learning goals")  # exercises, hints and goals are read in no fixed order


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def introducing(term: str) -> str:
    """Name of the notebook that the glossary names first."""
    return re.search(r"\]\(\.\./notebooks/(\S+?)\.ipynb\)", TERMS[term])[1]


def prose_of(name: str) -> list[str]:
    """The notebook's text: its head, which gives an overview, then the cells from the set-up on."""
    cells = [cell.source for cell in read_source(source_files()[name]).cells if cell.cell_type == "markdown"]
    setup = next(k for k, cell in enumerate(cells) if "## Set up" in cell)
    return ["\n".join(cells[:setup]), *(cell for cell in cells[setup:] if not cell.startswith(ASIDE))]


PROSE = {name: prose_of(name) for name in source_files()}


def used_before(words: str, cells: list[str]) -> bool:
    """Whether the words stand in the cells below headings, whatever their case if they are no abbreviation."""
    there = re.sub(STAYS, " ", re.sub("^#.*", "", "\n\n".join(cells), flags=re.M), flags=re.S)
    flags = 0 if words.isupper() else re.I
    return re.search(rf"(?<!\w){re.escape(words.strip('`'))}(?!\w)", there, flags) is not None


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_linked_where_it_is_first_used(term):
    """In the notebook that the glossary names first: in its head, or there where the linked words first stand."""
    cells, link = PROSE[introducing(term)], re.compile(LINK % re.escape(slug(term)))
    places = [(k, found) for k, cell in enumerate(cells) if (found := link.search(cell))]
    assert places, f"{introducing(term)} has no link to glossary.md#{slug(term)}"
    place, found = places[0]
    earlier = [*cells[1:place], cells[place][: found.start()]] if place else []
    assert not used_before(found[1], earlier), f"{found[1]!r} stands before its link"


def test_links_lead_to_terms_and_terms_are_explained_once():
    assert len({slug(term) for term in TERMS}) == len(TERMS) == len(re.findall("^### ", TEXT, flags=re.M))
    anchors = {slug(term) for term in TERMS}
    for path in [
        *source_files().values(),
        *(Path(p) for p in source_files()["01_probe_knowledge"].parent.glob("*/*.md")),
    ]:
        linked = re.findall(r"docs/glossary\.md#([^)]*)\)", path.read_text(encoding="utf-8"))
        assert set(linked) <= anchors, path.name


def test_words_before_their_link_are_seen():
    assert used_before("Padding", ["Tuned by padding."]) and used_before("AP", ["The AP is"])
    assert not used_before("AP", ["the ap of a map"]) and not used_before("mix", ["a mixture, `mix` and [mix](x)"])
