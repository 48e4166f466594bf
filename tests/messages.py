"""The messages of the notebooks that a catalogue must have, found in the code by where they stand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from build import read_source, source_files

from rtuning_helpers.experiments.findings import FAILS, HOLDS, NOTE, TOO_FEW
from rtuning_helpers.figures.translated import MISSING

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "rtuning_helpers"
COURSE = ("01", "02", "03", "04", "05")
SAYING = {"tr", "Off", "NotHere", "number", "share", "function", "finding"}  # their texts are shown to the reader
DRAWING = {"set", "set_title", "set_xlabel", "set_ylabel", "draw_histograms"}  # theirs are drawn
DRAWN = {"xlabel", "ylabel", "title", "label", "labels"}  # arguments and names, in `figures`
BY_DATA = {  # drawn by the notebooks from tables and dictionaries
    "perplexity of the question", "answer entropy [nats]", "D1 certain", "D0 uncertain", "linear layers",
    "embeddings and norms", "unquantised", "in-domain (ID)", "out-of-domain (OOD)", "untuned",
    "questions answered", "right among those answered", "share [%]", "right", "mean [%]",
    "Padding, by how well known the fact is", "page views of the subject a month",
}  # fmt: skip


def constants(node: ast.AST) -> Iterator[str]:
    """Texts in a piece of code that hold a letter, those of functions and of parts of f-strings left out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search("[A-Za-z]{2}", node.value):
        yield node.value
    if not isinstance(node, (ast.Lambda, ast.JoinedStr, ast.Subscript, ast.Dict)):
        for inner in ast.iter_child_nodes(node):
            yield from constants(inner)


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def of_exercises(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in SAYING:
            yield from (text for text in constants(node) if " " in text or called(node) == "tr")
            yield from (k.value.value for k in node.keywords if k.arg == "name" and isinstance(k.value, ast.Constant))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("MISTAKES", "where"):
            yield from constants(node.value)
        if isinstance(node, ast.arguments):
            defaults = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            yield from (text for argument, value in defaults if argument.arg == "name" for text in constants(value))


def of_words(tree: ast.AST) -> Iterator[str]:
    """Of figures in words: what goes through `tr`, by itself or by the name of a text, and kinds of figures."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "tr":
            yield from (text for part in node.args for text in constants(part))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("said", "kind", "(LINES, DOTS)"):
            yield from constants(node.value)
        if isinstance(node, ast.Call) and called(node) == "_Series":
            yield from constants(node.args[0])


def of_figures(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in DRAWN:
            yield from constants(node.value)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in DRAWN:
            yield from constants(node.value)
        if isinstance(node, ast.arguments):
            for name, value in zip(node.args[::-1], node.defaults[::-1], strict=False):
                yield from constants(value) if name.arg in DRAWN else ()
        if isinstance(node, ast.Call) and called(node) in ("tr", "_ranking_panels"):
            yield from (text for part in node.args for text in constants(part))
        if isinstance(node, ast.Call) and called(node) == "draw_histograms":
            yield from (key.value for inner in ast.walk(node) if isinstance(inner, ast.Dict) for key in inner.keys)
        if isinstance(node, ast.Call) and called(node) in {"set_ylabel", "set_xlabel", "Look"}:
            yield from constants(node.args[0]) if node.args else ()


def of_notebooks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "finding":
            yield from constants(node.args[0])
        drawn = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node, ast.Call) and called(node) in {"Slider", "Choice", "TextBox"}:
            yield from constants(node.args[0])
        if drawn and getattr(node.func.value, "id", "") in ("plots", "panels"):
            yield from (text for part in node.args for text in constants(part) if not isinstance(part, ast.Call))
        if drawn and called(node) == "set_title":
            yield from constants(node.args[0])
        if drawn and called(node) in DRAWING:
            yield from (text for keyword in node.keywords for text in constants(keyword.value) if keyword.arg in DRAWN)


def course_code() -> dict[str, str]:
    """The code of notebooks 01 to 05, without lines for Colab's shell."""
    cells = {name: read_source(path).cells for name, path in source_files().items() if name[:2] in COURSE}
    code = {name: "\n".join(c.source for c in found if c.cell_type == "code") for name, found in cells.items()}
    return {name: re.sub(r"^\s*[%!].*$", "", text, flags=re.M) for name, text in code.items()}


def messages() -> dict[str, list[str]]:
    """Each message with the files it stands in."""
    finders = {PACKAGE / "exercises" / f"{name}.py": of_exercises for name in ["check", "compare"]}
    finders |= {PACKAGE / "exercises" / f"nb{number}.py": of_exercises for number in COURSE}
    finders |= {PACKAGE / "figures" / f"{name}.py": of_figures for name in ["plots", "looks"]}
    finders |= {PACKAGE / "experiments" / "findings.py": of_exercises, PACKAGE / "tuning" / "ready.py": of_exercises}
    finders |= {PACKAGE / "figures" / f"{name}.py": of_words for name in ["in_words", "shown"]}
    trees = [(path.name, find, path.read_text(encoding="utf-8")) for path, find in finders.items()]
    trees += [(name, of_notebooks, code) for name, code in course_code().items()]
    found = {text: ["findings.py"] for text in (HOLDS, FAILS, TOO_FEW, NOTE)} | {MISSING: ["translated.py"]}
    for name, find, code in trees:
        for text in find(ast.parse(code)):
            if text != "None":  # matplotlib's word for no line
                found.setdefault(text.lstrip("_"), []).append(name)  # legends leave out what begins with one
    return found
