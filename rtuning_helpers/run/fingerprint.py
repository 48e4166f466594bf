"""Which code makes a step's result: derived from what its functions import, so that no list can go stale."""

import ast
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import ModuleType

PACKAGE = __name__.partition(".")[0]
# Settings, folders and the order of steps: what they decide stands in a step's key as values.
PASSED_OVER = (f"{PACKAGE}.run.", f"{PACKAGE}.steps")
_PARSING = Lock()  # Python counts how deep it is for all threads together, and fails where two parse at once


def code_fingerprint(*makers: Callable | ModuleType | str) -> str:
    """Hash of the code that makes a result: the makers' modules and all modules of the package they import.

    Comments, docstrings and layout do not count. What is imported by name at run time, such as the data sets, does not
    count either: their questions are part of a step's key themselves.

    Args:
        makers: The functions, classes or modules that a step calls, or names of modules.
    """
    waiting = [m if isinstance(m, str) else m.__name__ if isinstance(m, ModuleType) else m.__module__ for m in makers]
    reached: set[str] = set()
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += [imported for imported in imported_modules(name) if not imported.startswith(PASSED_OVER)]
    return hashlib.sha256("".join(f"{name} {_digest(name)}\n" for name in sorted(reached)).encode()).hexdigest()[:16]


@cache
def imported_modules(name: str) -> frozenset[str]:
    """The package's modules that a module imports anywhere in its text, type-checking blocks aside."""
    found = set()
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == PACKAGE:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if _path(whole) else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.partition(".")[0] == PACKAGE}
    return frozenset(found)


@cache  # what this process runs, even if a file changes meanwhile
def _digest(name: str) -> str:
    return hashlib.sha256(ast.dump(_tree(name)).encode()).hexdigest()


@cache
def _tree(name: str) -> ast.Module:
    """A module's syntax tree without docstrings and type-checking blocks."""
    path = _path(name)
    text = path.read_text(encoding="utf-8") if path else ""
    with _PARSING:
        tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and body:
            first = body[0].value if isinstance(body[0], ast.Expr) else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                del body[0]
    tree.body = [n for n in tree.body if not (isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")]
    return tree


@cache
def _path(name: str) -> Path | None:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # an attribute of a module, not a module
        return None
    return Path(spec.origin) if spec and spec.origin else None
