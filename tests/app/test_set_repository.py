"""`rtuning set-repository`: every place follows, all or none, and no notebook has to be executed again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import build
import nbformat
import pytest
from build import SOLUTIONS, source_hash, stale_notebooks, unexecuted_notebooks
from markdown_it import MarkdownIt

from rtuning_helpers.app import repository
from rtuning_helpers.app.cli import main
from rtuning_helpers.app.repository import BADGES, UNSET, badges, neutral, published, set_repository
from rtuning_helpers.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
SOURCE = f"""# %% [markdown]
# # First
#
# Prose.

# %% [markdown] tags=["solution"]
# # Solutions

# %% tags=["both"]
import os
clone = "git clone -q --depth 1 https://github.com/{UNSET} kit"

# %% tags=["solution"]
# # A comment that is no title
1
"""


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    """A clone with one executed notebook and its solutions, of which nobody has said where it is published."""
    for name in ("README.md", "CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(repository, "default_out", lambda: tmp_path)
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path / "notebooks")
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    (tmp_path / "notebooks" / SOLUTIONS).mkdir()
    (tmp_path / "notebooks" / "source" / "01_first.py").write_text(SOURCE, encoding="utf-8")
    for name, notebook in unexecuted_notebooks().items():
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, start=1):
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text="ä said\n")]
        notebook.metadata[build.STAMP] = {"source_sha256": source_hash(notebook)}
        target = tmp_path / "notebooks" / f"{name}.ipynb"
        target.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")
    assert stale_notebooks() == []
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_place_follows_and_the_notebooks_stay_fresh(clone, capsys):
    before = contents(clone)
    assert all(BADGES in before[name].decode() for name in ("README.md", "notebooks/01_first.ipynb"))
    assert not any(b"mybinder.org/v2" in content for content in before.values())
    assert main(["set-repository", "some-one/kit.x"]) == 0
    assert capsys.readouterr().out.startswith("some-one/kit.x: 5 files changed\n")
    now = contents(clone)
    assert {name for name in now if now[name] != before[name]} == {
        "README.md", "CITATION.cff", "pyproject.toml", "notebooks/01_first.ipynb", "notebooks/solutions/01_first.ipynb",
    }  # fmt: skip
    assert stale_notebooks() == []
    for name in ("notebooks/01_first.ipynb", "notebooks/solutions/01_first.ipynb"):
        cells = json.loads(now[name])["cells"]
        head = "".join(cells[0]["source"])
        assert f"https://colab.research.google.com/github/some-one/kit.x/blob/main/{name}" in head
        assert f"https://mybinder.org/v2/gh/some-one/kit.x/main?urlpath=lab/tree/{name}" in head
        assert f"https://github.com/some-one/kit.x/blob/main/{name}" in head
        assert "https://github.com/some-one/kit.x kit" in "".join(cells[1]["source"])
        old = json.loads(before[name])
        assert [cell.get("outputs") for cell in cells] == [cell.get("outputs") for cell in old["cells"]]
        assert json.loads(now[name])["metadata"] == old["metadata"]
    assert b'Repository = "https://github.com/some-one/kit.x"' in now["pyproject.toml"]
    assert b'repository-code: "https://github.com/some-one/kit.x"' in now["CITATION.cff"]
    assert b"/github/some-one/kit.x/blob/main/notebooks/01_probe_knowledge.ipynb" in now["README.md"]


def test_twice_and_another_name(clone, capsys):
    assert main(["set-repository", "a/b"]) == 0
    first = contents(clone)
    assert main(["set-repository", "a/b"]) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert contents(clone) == first
    assert main(["set-repository", "c-1/d"]) == 0
    assert not any(b"a/b" in content for content in contents(clone).values())
    assert stale_notebooks() == []
    assert main(["set-repository", "a/b"]) == 0
    assert contents(clone) == first


def test_a_notebook_that_names_another_is_stale(clone):
    path = clone / "notebooks" / "01_first.ipynb"
    old = path.read_text(encoding="utf-8")
    set_repository("a/b")
    path.write_text(old, encoding="utf-8")
    (reason,) = stale_notebooks()
    assert reason.startswith("01_first.ipynb: it names another repository than pyproject.toml")
    set_repository("a/b")
    assert stale_notebooks() == []


@pytest.mark.parametrize(
    "name",
    ["", "kit", "a/", "/b", "a/b/c", "https://github.com/a/b", "a b/c", "-a/b", "a-/b", "a--b/c", "a/..", "a/b.git",
     "ä/b", "a/b\n", 'a/b"', "x" * 40 + "/b"],
)  # fmt: skip
def test_what_is_no_name_changes_nothing(clone, name, capsys):
    before = contents(clone)
    assert main(["set-repository", "--", name]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "expected OWNER/NAME, as in https://github.com/OWNER/NAME" in err
    assert contents(clone) == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: (c / "README.md").write_text("# Kit\n"), "README.md: no line ends with <!-- badges -->"),
        (lambda c: (c / "CITATION.cff").write_text("a: b\n"), "CITATION.cff: no line 'type: software'"),
        (lambda c: (c / "CITATION.cff").unlink(), "CITATION.cff: file not found"),
        (lambda c: (c / "notebooks" / "02.ipynb").write_text("{"), "02.ipynb: cannot be read as a notebook"),
        (lambda c: shutil.rmtree(c / "notebooks"), "there is no clone of the kit here"),
    ],
)
def test_what_cannot_be_done_whole_is_not_done(clone, spoil, message, capsys):
    spoil(clone)
    before = contents(clone)
    assert main(["set-repository", "a/b"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and message in err
    assert contents(clone) == before


def test_a_failure_half_way_takes_back_what_was_done(clone, monkeypatch):
    before, replace, done = contents(clone), os.replace, []

    def fail_at_the_third(source, target):
        done.append(target)
        if len(done) == 3:
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_third)
    with pytest.raises(InputError, match="cannot be written .No space left on device.; .* nothing was changed"):
        set_repository("a/b")
    assert contents(clone) == before


def test_neutral_text_is_the_same_whatever_the_name():
    for text in ("# T", "# T\n", "# T\n\nProse.", "# T\nProse.\n\n## Next"):
        for named in (None, "a/b"):
            shown = published(text, named, "notebooks/x.ipynb")
            assert neutral(shown) == text and BADGES in shown
            assert published(shown, "c/d", "notebooks/x.ipynb") == published(text, "c/d", "notebooks/x.ipynb")
    assert published("prose", "a/b", "notebooks/x.ipynb") == "prose"


def test_the_line_is_read_as_markdown():
    read = MarkdownIt().render
    assert read(badges(None, "x.ipynb")).startswith("<p><em>No launch buttons yet")
    assert read(badges("a/b", "x.ipynb")).count("<a href=") == 3


def test_each_button_says_in_words_what_it_does():
    assert badges("a/b", "notebooks/x.ipynb").count("[![") == 3
    for words in ("Open in Colab", "Launch on Binder", "View on GitHub"):
        assert f"[![{words}](" in badges("a/b", "notebooks/x.ipynb")
    assert "Colab에서 열기" in published("# T", "a/b", "notebooks/ko/x.ipynb")
    assert "rtuning set-repository OWNER/NAME" in badges(None, "notebooks/x.ipynb")
