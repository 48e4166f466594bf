"""CONTRIBUTING.md followed to the letter: each recipe's files are written into a copy of the kit, its commands run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = {part.split("\n")[0].lower(): part for part in TEXT.split("\n## ") if part.startswith("Add ")}
SHOWN = {
    "add a data set": ["capitals", "2 files: 4 good rows, 0 bad, 0 files that cannot be used", "1 passed"],
    "add an estimator": ["1 passed"],
    "add a method": [" passed"],
}


def files_of(recipe: str) -> dict[str, str]:
    """The Python blocks by the path that was named last before each."""
    found = {}
    for match in re.finditer(r"```python\n(.*?)```", recipe, flags=re.S):
        path = re.findall(r"`((?:rtuning_helpers|tests)/[\w/]+\.py)`", recipe[: match.start()])[-1]
        assert path not in found, path
        found[path] = match[1]
    return found


@pytest.fixture
def clone(tmp_path) -> Path:
    """A copy of the kit, with the commands of this interpreter."""
    for name in ("rtuning_helpers", "tests"):
        shutil.copytree(ROOT / name, tmp_path / "kit" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "kit")
    commands = {"rtuning": "-m rtuning_helpers.app.cli", "python": "", "ruff": "-m ruff"}
    (tmp_path / "bin").mkdir()
    for name, arguments in commands.items():
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return tmp_path / "kit"


def test_there_is_a_recipe_for_each():
    assert list(RECIPES) == list(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_recipe_works_as_written(clone, name):
    recipe = RECIPES[name]
    files = files_of(recipe)
    assert len([path for path in files if not path.startswith("tests/")]) <= 2
    for path, code in files.items():
        assert not (clone / path).exists(), f"{path}: the recipe would overwrite it"
        (clone / path).write_text(code, encoding="utf-8")
    path = f"{clone.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(clone), "PATH": path}
    (commands,) = re.findall(r"```bash\n(.*?)```", recipe, flags=re.S)
    commands = f"ruff check --no-cache {' '.join(files)}\n{commands}"
    done = subprocess.run(
        ["bash", "-e"], input=commands, cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for text in SHOWN[name]:
        assert text in done.stdout
