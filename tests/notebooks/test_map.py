"""The map of the method: up to date, every notebook on it, readable, told in words, and linked from everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from build import NOTEBOOKS, read_source, source_files, unexecuted_notebooks
from method_map import ABOUT, COURSE, GROUND, WORDS, draw, in_words, picture, titles, whole_way

from rtuning_helpers.figures.contrast import GRAPHICS, TEXT, contrast

ROOT = NOTEBOOKS.parent
LANGUAGE = pytest.mark.parametrize("language", WORDS)
SVG = "{http://www.w3.org/2000/svg}"


def colour(name: str) -> tuple[float, ...]:
    return tuple(int(name[k : k + 2], 16) / 255 for k in (1, 3, 5))


@LANGUAGE
def test_the_picture_is_up_to_date(language):
    assert picture(language).read_text(encoding="utf-8") == draw(language), "run `python notebooks/method_map.py`"


@LANGUAGE
def test_every_notebook_stands_on_it_once(language):
    boxes = re.findall(r"<rect [^>]*/><text[^>]*><tspan[^>]*>(\d\d) · ", draw(language))
    assert sorted(boxes) == sorted(name[:2] for name in source_files())
    assert all(f"{number} · {title}" in in_words(language) for number, title in titles(language).items())


def test_titles_are_those_of_the_notebooks():
    heads = {name[:2]: read_source(path).cells[0].source.split("\n")[0] for name, path in source_files().items()}
    assert {number: f"# {number} · {title}" for number, title in titles().items()} == heads
    assert len(COURSE) == len(ABOUT) == len(WORDS["en"].steps) == len(WORDS["ko"].steps)
    assert set(whole_way()).isdisjoint({*COURSE, *(number for part in ABOUT for number in part)})
    assert titles("ko")["01"] != titles()["01"] and titles("ko")["12"] == titles()["12"]


@LANGUAGE
def test_it_is_readable_on_light_and_dark_and_says_what_it_is(language):
    page = ElementTree.fromstring(draw(language))
    ground = page.find(f"{SVG}rect")
    assert ground.get("fill") == GROUND and float(ground.get("width")) >= float(page.get("width")) - 1
    for before, text in zip(page, page[1:]):  # noqa: B905 - pairs
        if text.tag == f"{SVG}text":
            below = before.get("fill") if before.tag == f"{SVG}rect" else GROUND
            assert contrast(colour(text.get("fill")), colour(below)) >= TEXT
            assert float(text.get("font-size")) >= 13
    for shape in page.iter(f"{SVG}rect"):
        assert contrast(colour(shape.get("stroke")), colour(shape.get("fill"))) >= GRAPHICS
    course, others = ([r for r in page.iter(f"{SVG}rect") if r.get("rx") == corner] for corner in ("3", "14"))
    assert len(course) == len(COURSE) and all(r.get("stroke-dasharray") for r in others), "not by colour alone"
    assert page.get("role") == "img" and page.find(f"{SVG}desc").text == in_words(language)
    assert float(page.get("height")) <= 720, "one page"


@LANGUAGE
def test_boxes_do_not_lie_on_each_other(language):
    boxes = [
        [float(r.get(side)) for side in ("x", "y", "width", "height")]
        for r in ElementTree.fromstring(draw(language)).iter(f"{SVG}rect")
    ][1:]
    for k, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[:k]:
            apart_across = x >= other_x + other_width or other_x >= x + width
            assert apart_across or y >= other_y + other_height or other_y >= y + height


def test_it_is_shown_in_the_readme_and_in_notebook_01_and_linked_from_the_others():
    for language, page in (("en", "README.md"), ("ko", "README.ko.md")):
        shown = re.search(rf"!\[([^\]]+)\]\(docs/{picture(language).name}\)", (ROOT / page).read_text("utf-8"))
        assert shown and len(shown[1]) > 100
    for name, notebook in unexecuted_notebooks().items():
        if "solutions" not in name:
            file = picture("ko" if name.startswith("ko/") else "en").name
            top = "".join(cell.source for cell in notebook.cells[:2])
            assert f"docs/{file}" in top and ("![" in top) == (Path(name).name[:2] == "01"), name


def test_the_command_writes_it():
    command = [sys.executable, str(NOTEBOOKS / "method_map.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    test_the_picture_is_up_to_date("en")
