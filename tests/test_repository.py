"""What a stranger relies on: the README, the notebooks' shape, pinned versions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import jupytext
import pytest

from rtuning_helpers.app.repository import readme_badges, repository

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def test_the_notebooks_are_there_and_the_readme_links_each():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(NOTEBOOKS) >= 12 and [path.stem for path in NOTEBOOKS] == [path.stem for path in SOURCES]
    assert all(f"(notebooks/{path.name})" in readme for path in NOTEBOOKS)


def title_of(source: Path) -> str:
    return re.search(r"^# # (.*)$", source.read_text(encoding="utf-8"), flags=re.M)[1]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebooks_head_and_the_readme_say_the_same(source):
    """Its title, its time and its memory; and no notebook calls another one by another title."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| \[(.*)\]\(notebooks/{source.stem}\.ipynb\) \|.*\| (.*) \| (.*) \|$", readme, flags=re.M)
    text = source.read_text(encoding="utf-8")
    head = re.search(r"^# \| Time and memory \| about (.*); (.*) \|$", text, flags=re.M)
    assert row[0] == title_of(source)
    assert head[1].startswith(f"{row[1]} ") and head[2].startswith(row[2]), (row, head.groups())
    links = re.findall(r"\[(\d\d\W[^\]]*)\]\((\w+)\.ipynb\)", text)
    assert links == [(title_of(source.with_stem(stem)), stem) for _, stem in links]


def test_readme_links_lead_somewhere():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", readme)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
    assert "@" not in re.sub(r"`[^`]*`|\S+@\S+\.\w+", "", readme), "a placeholder is left in the README"


def test_owner_and_name_are_the_same_everywhere():
    named = repository()
    readmes = sorted(ROOT.glob("README*.md"))
    for readme in readmes:
        assert readme_badges(named, readme) in readme.read_text(encoding="utf-8").split("\n")
    address = re.findall(r'^repository-code: "(.*)"$', (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.M)
    assert address == ([] if named is None else [f"https://github.com/{named}"])


def test_all_notebooks_begin_with_the_same_cell_for_colab():
    cells = [
        cell.source
        for path in SOURCES
        for cell in jupytext.read(path, fmt="py:percent").cells
        if "google.colab" in cell.source and cell.cell_type == "code"
    ]
    assert len(cells) == len(SOURCES) and len(set(cells)) == 1
    assert cells[0].count("\n") < 15


def test_constraints_pin_the_cpu_friendly_torch():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert "torch==2.13.0" in pins
    assert all(re.fullmatch(r'[A-Za-z0-9._-]+==[^=\s;]+(; python_version >= "3.11")?', pin) for pin in pins)


def test_no_large_or_unsafe_file_is_tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    if not files:
        pytest.skip("not a git checkout")
    assert [f.name for f in files if f.is_file() and f.stat().st_size > 25 * 2**20] == []
    assert [f.name for f in files if f.suffix in (".pkl", ".pt", ".bin", ".pth")] == []
