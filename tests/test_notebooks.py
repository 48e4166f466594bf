"""The notebooks as a page that a student reads: their shape, figures and tables, the glossary, and the exercises."""

from __future__ import annotations

import ast
import base64
import builtins
import re
import struct
from html import unescape
from pathlib import Path

import nbformat
import papermill
import pytest
from build import read_source, source_files
from exercises import KEY_LINES

from rtuning_helpers.figures.layout import WIDEST

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOURCES = {name[:2]: read_source(path) for name, path in source_files().items()}
COMMON = {"profile", "dataset", "seed", "data_dir", "limit", "model", "out", "force"}
COMMON |= {"style", "shots", "system", "permutations"}
GLOSSARY = ROOT / "docs" / "glossary.md"
EXERCISE = r"\*\*Exercise (\d\d\.\d)\*\*(.*?)(?=\n\n|\Z)"
WIDEST_PIXELS = 850
CHARACTERS = 165  # that stand side by side in the tables of a page of 1280 pixels


def text_of(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code_of(notebook) -> list[str]:
    """The code cells as plain Python, without the lines that are meant for Colab's shell."""
    found = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return ["\n".join(line for line in cell.splitlines() if not re.match(r"\s*[%!]", line)) for cell in found]


def exercises_of(notebook) -> dict[str, str]:
    return dict(re.findall(EXERCISE, text_of(notebook), flags=re.S))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_committed_notebook_shows_what_it_promises(path):
    notebook = nbformat.read(path, as_version=4)
    assert set(papermill.inspect_notebook(str(path))) >= COMMON
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "\n".join(output.get("text", "") for output in outputs)
    assert not re.search("DOES NOT HOLD|too few", said)
    images = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert images
    widths = [struct.unpack(">I", base64.b64decode(image)[16:20])[0] for image in images]
    assert max(widths) <= WIDEST_PIXELS


def columns_of(table: str) -> list[list[str]]:
    """The cells of an HTML table by column, tags removed."""
    rows = [
        re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, flags=re.S)
        for row in re.findall(r"<tr.*?</tr>", table, flags=re.S)
    ]
    widest = max(map(len, rows), default=0)  # rows below a cell that spans several lack it at their beginning
    return [
        [unescape(re.sub("<.*?>", "", row[k - widest])) for row in rows if len(row) >= widest - k]
        for k in range(widest)
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_table_needs_three_lines_for_a_cell(path):
    """Two lines must do for the longest cell of every column, all columns side by side."""
    outputs = [o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", [])]
    pages = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    for columns in map(columns_of, re.findall(r"<table.*?</table>", pages, flags=re.S)):
        words = [max((len(word) for text in column for word in text.split()), default=0) for column in columns]
        halves = [max((-(-len(text) // 2) for text in column), default=0) for column in columns]
        assert sum(map(max, words, halves)) + 2 * len(columns) <= CHARACTERS, columns[0][:5]


@pytest.mark.parametrize("number", SOURCES)
def test_the_source_has_the_shape_of_a_page(number):
    notebook, text = SOURCES[number], text_of(SOURCES[number])
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert notebook.cells[0].source.startswith("# ")
    assert len(re.findall(r"^# ", text, flags=re.M)) == 1
    for heading in ("Learning goals", "Checks", "Exercises", "Summary"):
        assert f"\n## {heading}" in text
    assert list(exercises_of(notebook)) in ([f"{number}.{k}" for k in range(1, n + 1)] for n in (2, 3))
    assert max(len(cell.source.splitlines()) for cell in code) <= 30
    own, others = (str(code_of(notebook)).find(f"from {name}") for name in ("rtuning_helpers", "transformers"))
    assert others == -1 or own < others, "transformers warns at its import, unless the kit was imported before"
    assert not re.search(r"\bpretrained\b(?!/|`)", text), "the model that is not tuned is called untuned"


def test_no_figure_is_asked_for_that_is_wider_than_a_page():
    """A width that is not a number comes from `panel_grid`, which keeps to the page."""
    package = [p.read_text(encoding="utf-8") for p in (ROOT / "rtuning_helpers").rglob("*.py") if p.name != "layout.py"]
    asked = re.findall(
        r"figsize=\(?([^,]+),", "\n".join([*package, *("\n".join(code_of(n)) for n in SOURCES.values())])
    )
    assert asked
    assert [width for width in asked if float(width) > WIDEST] == []


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_glossary_is_linked_from_every_notebook_and_links_back():
    text = GLOSSARY.read_text(encoding="utf-8")
    terms = re.findall(r"^### (.+)\n(.+)", text, flags=re.M)
    assert len(terms) > 40 and len({slug(term) for term, _ in terms}) == len(terms)
    for term, meaning in terms:
        introduced = re.findall(r"\[(\d\d)\]\(\.\./notebooks/(\S+?)\.ipynb\)", meaning)
        assert introduced, term
        assert all(name.startswith(number) and name in source_files() for number, name in introduced), term
    anchors = {slug(term) for term, _ in terms}
    for number, notebook in SOURCES.items():
        links = re.findall(r"\.\./docs/glossary\.md(?:#([\w-]+))?", text_of(notebook))
        assert links, number
        assert {link for link in links if link} <= anchors, number
        assert "glossary.md" in notebook.cells[0].source
    assert "(docs/glossary.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", SOURCES)
def test_links_to_other_pages_lead_somewhere(number):
    targets = re.findall(r"(?:\]\(|href=\")(?!https?://)([^)#\"]+)", text_of(SOURCES[number]))
    sources = {f"{name}.ipynb" for name in source_files()}
    assert [t for t in targets if t not in sources and not (ROOT / "notebooks" / t).exists()] == []


# --- exercises: their key lines are in `exercises.KEY_LINES` ---


def defined_in(code: str) -> set[str]:
    """Names that a piece of code binds: by assignment, import, definition, loop, comprehension or ``with``."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def used_in(code: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def test_every_exercise_has_its_key_lines():
    assert list(KEY_LINES) == [key for notebook in SOURCES.values() for key in exercises_of(notebook)]


@pytest.mark.parametrize("key", KEY_LINES)
def test_an_exercise_names_what_its_notebook_has(key):
    """The key lines use names of the notebook, and the text names what the notebook or the key lines have."""
    there = defined_in("\n".join(code_of(SOURCES[key[:2]]))) | set(dir(builtins)) | {"display"}
    own = KEY_LINES[key]
    assert used_in(own) - defined_in(own) - there == set()
    nodes = list(ast.walk(ast.parse(own)))
    words = used_in(own) | {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    words |= {n.value for n in nodes if isinstance(n, ast.Constant)}
    named = re.findall(r"`([^`]+)`", exercises_of(SOURCES[key[:2]])[key])
    code = "\n".join(part for part in named if not part.startswith("rtuning "))
    assert used_in(code) - defined_in(code) - there - words == set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            exec(compile(ast.Module([node], []), key, "exec"), {})
