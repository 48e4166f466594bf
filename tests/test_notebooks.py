"""The notebooks as a page that a student reads: their shape, figures and tables, the glossary, and the exercises."""

from __future__ import annotations

import ast
import base64
import builtins
import re
import struct
from html import unescape
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest
from build import NOTEBOOKS as FOLDER
from build import read_source, source_files, unexecuted_notebooks
from wrong_answers import WRONG_ANSWERS

from rtuning_helpers.figures.layout import WIDEST

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOURCES = {name[:2]: read_source(path) for name, path in source_files().items()}
SOLUTIONS = {name[10:12]: nb for name, nb in unexecuted_notebooks().items() if name.startswith("solutions/")}
COMMON = {"profile", "dataset", "seed", "data_dir", "limit", "model", "out", "force"}
COMMON |= {"style", "shots", "system", "permutations"}
GLOSSARY = ROOT / "docs" / "glossary.md"
TITLE = r"### Exercise (\d\d\.\d) · .+ \((build|do), \d+ minutes\)\n"
WIDEST_PIXELS = 850
CHARACTERS = 165  # that stand side by side in the tables of a page of 1280 pixels
BESIDE_FILES = 110  # and beside JupyterLab's list of files


def text_of(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code_of(notebook) -> list[str]:
    """The code cells as plain Python, without the lines that are meant for Colab's shell."""
    found = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return ["\n".join(line for line in cell.splitlines() if not re.match(r"\s*[%!]", line)) for cell in found]


def exercises_of(notebook) -> dict[str, str]:
    """The text of each exercise."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return {title[1]: cell for cell in cells if (title := re.match(TITLE, cell))}


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
        assert sum(words) + 2 * len(columns) <= BESIDE_FILES, "what cannot be broken is cut off"


@pytest.mark.parametrize("number", SOURCES)
def test_the_source_has_the_shape_of_a_page(number):
    notebook, text = SOURCES[number], text_of(SOURCES[number])
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert notebook.cells[0].source.startswith("# ")
    assert len(re.findall(r"^# ", text, flags=re.M)) == 1
    for heading in ("Learning goals", "Checks", "Exercises", "Summary"):
        assert f"\n## {heading}" in text
    assert list(exercises_of(notebook)) in ([f"{number}.{k}" for k in range(1, n + 1)] for n in (2, 3, 4))
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


@pytest.mark.parametrize("name", unexecuted_notebooks())
def test_links_to_other_pages_lead_somewhere(name):
    targets = re.findall(r"(?:\]\(|href=\")(?!https?://)([^)#\"]+)", text_of(unexecuted_notebooks()[name]))
    pages = {(FOLDER / f"{name}.ipynb").resolve() for name in unexecuted_notebooks()}
    found = {target: ((FOLDER / name).parent / target).resolve() for target in targets}
    assert [target for target, path in found.items() if path not in pages and not path.exists()] == []


# --- exercises ---


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


def test_every_exercise_is_solved_and_refuses_wrong_answers():
    everything = [key for notebook in SOURCES.values() for key in exercises_of(notebook)]
    assert [key for notebook in SOLUTIONS.values() for key in exercises_of(notebook)] == everything
    assert list(WRONG_ANSWERS) == everything
    assert all(len(wrong) >= 2 for wrong in WRONG_ANSWERS.values())


@pytest.mark.parametrize("key", WRONG_ANSWERS)
def test_an_exercise_names_what_its_notebook_has(key):
    """The solutions use names of the notebook, and the text names what the notebook or the solutions have."""
    there = defined_in("\n".join(code_of(SOURCES[key[:2]]))) | set(dir(builtins)) | {"display"}
    own = "\n".join(code_of(SOLUTIONS[key[:2]]))
    assert used_in(own) - defined_in(own) - there == set()
    nodes = list(ast.walk(ast.parse(own)))
    words = used_in(own) | defined_in(own) | {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    words |= {n.value for n in nodes if isinstance(n, ast.Constant)}
    named = re.findall(r"`([^`]+)`", exercises_of(SOURCES[key[:2]])[key])
    code = "\n".join(part for part in named if not part.startswith("rtuning "))
    assert used_in(code) - defined_in(code) - there - words == set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            exec(compile(ast.Module([node], []), key, "exec"), {})


def parts_of(path: Path) -> dict[str, list[tuple[str, set[str], str]]]:
    """Of each exercise the cells from its text to the next prose for all: kind, tags that sort cells, source."""
    parts, key = {}, None
    for cell in jupytext.read(path, fmt="py:percent").cells:
        tags = set(cell.metadata.get("tags", []))
        if title := re.match(TITLE, cell.source):
            key = title[1]
            parts[key] = []
        elif cell.cell_type == "markdown" and "solution" not in tags and not cell.source.startswith("<details>"):
            key = None
        if key:
            parts[key].append((cell.cell_type, tags & {"solution", "both"}, cell.source))
            if cell.cell_type == "markdown" and tags == {"solution"}:  # the meaning ends it
                key = None
    return parts


@pytest.mark.parametrize("number", SOLUTIONS)
def test_an_exercise_is_text_hints_stub_solution_check_and_meaning(number):
    path = next(path for name, path in source_files().items() if name.startswith(number))
    parts = parts_of(path)
    assert list(parts) == list(exercises_of(SOURCES[number])), "all exercises of a notebook are solved, or none"
    for key, cells in parts.items():
        kinds = [(kind, *tags) for kind, tags, _ in cells]
        order = [
            ("markdown", "both"),
            ("markdown",),
            ("code",),
            ("code", "solution"),
            ("code", "both"),
            ("markdown", "solution"),
        ]
        assert kinds == order, key
        text, hints, stub, solution, check, meaning = (source for *_, source in cells)
        assert "*What to expect:*" in text, key
        assert len(re.findall(r"^<details><summary>Hint \d: .+</summary>$", hints, flags=re.M)) >= 2, key
        assert "..." in stub and "..." not in solution, key
        asked = re.fullmatch(rf'check\("{re.escape(key)}", (\w+)\)', check)
        assert asked and asked[1] in defined_in(stub) & defined_in(solution), key
        imports = [
            {ast.unparse(n) for n in ast.walk(ast.parse(c)) if isinstance(n, (ast.Import, ast.ImportFrom))}
            for c in (stub, solution)
        ]
        assert imports[1] <= imports[0], f"{key}: the stub has the imports that its solution needs"
        assert "print(" in solution and re.search(r"\d|one|two|three", meaning), f"{key}: which number comes out"


@pytest.mark.parametrize("number", SOLUTIONS)
def test_a_solved_notebook_begins_with_questions_to_oneself_and_uses_what_is_built(number):
    text, code = text_of(SOURCES[number]), code_of(SOURCES[number])
    questions = text.partition("### Self-test (recall, ")[2].partition("\n### ")[0]
    assert len(re.findall(r"^<details><summary>.+\?</summary>$", questions, flags=re.M)) >= 3
    built = [title for title in re.findall(TITLE, text) if title[1] == "build"]
    assert built, "an exercise whose code the notebook uses"
    for key, _ in built:
        at = next(k for k, cell in enumerate(code) if cell.startswith(f'check("{key}"'))
        name = re.search(r", (\w+)\)", code[at])[1]
        assert any(name in used_in(cell) for cell in code[at + 1 :]), f"the notebook goes on without {name}"


@pytest.mark.parametrize("path", sorted((FOLDER / "solutions").glob("*.ipynb")), ids=lambda path: path.stem)
def test_committed_solutions_are_accepted(path):
    notebook = nbformat.read(path, as_version=4)
    checks = [cell for cell in notebook.cells if cell.source.startswith('check("')]
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in checks]
    assert said == [f"{key}: right.\n" for key in exercises_of(notebook)]
