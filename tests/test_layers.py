"""The folders' order: every import points from a later one to an earlier one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rtuning_helpers
from rtuning_helpers.run.fingerprint import imported_modules

PACKAGE = Path(rtuning_helpers.__file__).parent
LAYERS = (
    "errors language json_files file_hashes processes ranks progress metrics figures data model evaluation run probe "
    "confidence tuning steps miniworld experiments paper exercises batch app"
).split()


def modules() -> list[str]:
    files = [p.relative_to(PACKAGE.parent).with_suffix("") for p in PACKAGE.rglob("*.py") if p.name != "__init__.py"]
    return sorted(".".join(file.parts) for file in files)


def layer(module: str) -> int:
    return LAYERS.index(module.split(".")[1])


def test_every_module_has_its_place():
    assert {module.split(".")[1] for module in modules()} == set(LAYERS)


@pytest.mark.parametrize("module", modules())
def test_imports_point_one_way(module):
    above = [name for name in imported_modules(module) if name != "rtuning_helpers" and layer(name) > layer(module)]
    assert above == []


def reachable(module: str) -> set[str]:
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for name in imported_modules(waiting.pop()) - found:
            found.add(name)
            waiting.append(name)
    return found


@pytest.mark.parametrize("module", modules())
def test_no_module_imports_itself_in_a_circle(module):
    assert module not in reachable(module)


def test_the_readme_names_the_folders_in_their_order():
    section = (PACKAGE.parent / "README.md").read_text(encoding="utf-8").partition("## How the package is laid out")[2]
    rows = [line.split("|")[1] for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)/?`", row)] == list(LAYERS)
