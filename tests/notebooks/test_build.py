"""The notebooks and their text twins belong together."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import build
import nbformat
import pytest
from build import (
    build_notebooks,
    check_outputs,
    main,
    read_source,
    source_files,
    source_hash,
    stale_notebooks,
    unexecuted_notebooks,
)

from rtuning_helpers.app.notebook_runs import NotebookFailed
from rtuning_helpers.app.repository import neutral
from rtuning_helpers.errors import InputError

SOURCE = """# %% [markdown]
# # A title
#
# Prose with *stars*.

# %% tags=["parameters"]
seed: int = 0  # any number

# %% [markdown]
# ## The finding

# %%
import sys, os
print(seed + 1, os.path.basename(os.getcwd()))
print("/root/ is fine here", file=sys.stderr)

# %% tags=["nbval-check-output", "hide"]
{"x": seed}
"""
SOLVED = """# %% [markdown]
# # A title

# %% [markdown] tags=["solution"]
# # Solved

# %% tags=["parameters", "both"]
import math

# %%
print(1)

# %% [markdown] tags=["both"]
# The task.

# %%
answer = ...

# %% tags=["solution"]
answer = 3

# %% tags=["both", "nbval-check-output"]
print(answer)
"""
REPOSITORY = Path(__file__).resolve().parents[2] / "notebooks" / "source"
NAMES = list(unexecuted_notebooks())


@pytest.mark.parametrize("name", NAMES)
def test_the_repositorys_notebooks_are_up_to_date(name):
    assert [reason for reason in stale_notebooks([name]) if reason.startswith(f"{name}.ipynb:")] == []


def test_the_repository_has_no_notebook_without_source():
    assert [reason for reason in stale_notebooks() if "has no source" in reason] == []


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, str]:
    """The files of a notebooks folder with one source, built once."""
    folder = tmp_path_factory.mktemp("clone") / "notebooks"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "01_first.py").write_text(SOURCE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "NOTEBOOKS", folder)
        assert stale_notebooks() == ["01_first.ipynb: missing; run `python notebooks/build.py`"]
        calls = []
        assert build_notebooks(progress=lambda *call: calls.append(call)) == [folder / "01_first.ipynb"]
    assert calls[0] == ("01_first.ipynb", "A title", 0, 5)
    assert calls[-1] == ("01_first.ipynb", "The finding", 5, 5)
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def folder(built, tmp_path, monkeypatch) -> Path:
    """A copy of the built folder, to be spoilt."""
    for name, text in built.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    return tmp_path


def test_round_trip(folder, built):
    assert set(built) == {"source/01_first.py", "01_first.ipynb"}
    notebook = nbformat.reads(built["01_first.ipynb"], as_version=4)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "markdown", "code", "code"]
    assert [cell.id for cell in notebook.cells] == [f"cell-0{number}" for number in range(1, 6)]
    assert [cell.metadata for cell in notebook.cells] == [
        {}, {"tags": ["parameters"]}, {}, {}, {"tags": ["nbval-check-output", "hide"]},
    ]  # fmt: skip
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2, 3]
    printed, shown = notebook.cells[3].outputs, notebook.cells[4].outputs
    assert [(out.name, out.text) for out in printed] == [("stdout", "1 notebooks\n")]  # ran where it lies; no stderr
    assert shown[0].data == {"text/plain": "{'x': 0}"}
    assert set(notebook.metadata) == {"kernelspec", "language_info", "rtuning"}
    stamp = notebook.metadata.rtuning
    assert (stamp.profile, stamp.source_sha256) == ("mini", source_hash(notebook))
    assert "torch" in stamp.versions
    assert source_hash(read_source(folder / "source" / "01_first.py")) == source_hash(notebook)
    assert stale_notebooks() == []


def _edit_source(folder: Path) -> None:
    source = folder / "source" / "01_first.py"
    source.write_text(source.read_text().replace("seed + 1", "seed + 2"))


def _edit_tag(folder: Path) -> None:
    source = folder / "source" / "01_first.py"
    source.write_text(source.read_text().replace("nbval-check-output", "nbval-skip"))


def _with_notebook(edit):
    def change(folder: Path) -> None:
        notebook = nbformat.read(folder / "01_first.ipynb", as_version=4)
        edit(notebook)
        nbformat.write(notebook, folder / "01_first.ipynb")

    return change


def _clear(notebook) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _drop_outputs(notebook) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []


SPOILERS = {
    "source edited": (_edit_source, ["differ from source/01_first.py"]),
    "tag edited": (_edit_tag, ["differ from source/01_first.py"]),
    "source gone": (lambda folder: (folder / "source" / "01_first.py").unlink(), ["has no source"]),
    "notebook gone": (lambda folder: (folder / "01_first.ipynb").unlink(), ["missing"]),
    "notebook broken": (lambda folder: (folder / "01_first.ipynb").write_text("{"), ["cannot be read as a notebook"]),
    "cell edited": (
        _with_notebook(lambda nb: nb.cells[3].update(source="print(7)")),
        ["differ from source/01_first.py", "stamp differs"],
    ),
    "no stamp": (_with_notebook(lambda nb: nb.metadata.pop("rtuning")), ["stamp differs"]),
    "unexecuted": (_with_notebook(_clear), ["once each, in order", "none of its cells has an output"]),
    "out of order": (_with_notebook(lambda nb: nb.cells[4].update(execution_count=7)), ["once each, in order"]),
    "outputs dropped": (_with_notebook(_drop_outputs), ["none of its cells has an output"]),
    "failed cell": (
        _with_notebook(lambda nb: nb.cells[3].outputs.append(nbformat.v4.new_output("error", ename="E", evalue=""))),
        ["a cell failed"],
    ),
}


@pytest.mark.parametrize("what", SPOILERS)
def test_staleness_is_seen(folder, what):
    spoil, expected = SPOILERS[what]
    spoil(folder)
    reasons = stale_notebooks()
    assert len(reasons) == len(expected)
    for reason, part in zip(reasons, expected, strict=True):
        assert reason.startswith("01_first.ipynb: ")
        assert part in reason


def test_outputs_do_not_count_as_source(folder):
    _with_notebook(lambda nb: nb.cells[3].outputs[0].update(text="other\n"))(folder)
    assert stale_notebooks() == []


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (
            nbformat.v4.new_output("stream", text="fine\nsaved in /home/me/x\n"),
            "an absolute path: 'saved in /home/me/x'",
        ),
        (nbformat.v4.new_output("stream", text="/usr/lib/python3/site-packages/torch"), "an absolute path"),
        (nbformat.v4.new_output("display_data", data={"text/html": "<b>/tmp/x</b>"}), "an absolute path"),
        (nbformat.v4.new_output("execute_result", data={"text/plain": "FutureWarning: old"}), "a warning"),
        (nbformat.v4.new_output("error", ename="KeyError", evalue="'x'"), "is an error: KeyError: 'x'"),
        (nbformat.v4.new_output("stream", text=f"in {REPOSITORY.parent.parent}{os.sep}runs"), "path"),
    ],
)
def test_outputs_that_must_not_be_published(output, complaint):
    cells = [nbformat.v4.new_markdown_cell("# T"), nbformat.v4.new_code_cell("1", outputs=[output])]
    with pytest.raises(NotebookFailed, match="^x.ipynb: the output of cell 2 under 'T' ") as caught:
        check_outputs(nbformat.v4.new_notebook(cells=cells), "x.ipynb")
    assert complaint in str(caught.value)


def test_harmless_outputs_pass():
    png = {"image/png": "/tmp/Warning", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    outputs = [nbformat.v4.new_output("display_data", data=png), nbformat.v4.new_output("stream", text="runs/mini 5/6")]
    cells = [nbformat.v4.new_code_cell("1", outputs=outputs)]
    check_outputs(nbformat.v4.new_notebook(cells=cells), "x.ipynb")


@pytest.mark.parametrize(("code", "complaint"), [("1 / 0", "ZeroDivisionError"), ("print('/tmp/x')", "absolute path")])
def test_a_failed_build_leaves_the_earlier_notebook(folder, built, code, complaint):
    source = folder / "source" / "01_first.py"
    source.write_text(SOURCE + f"\n# %%\n{code}\n")
    with pytest.raises(NotebookFailed, match=rf"^01_first\.ipynb.*{complaint}"):
        build_notebooks(["01"])
    assert (folder / "01_first.ipynb").read_text("utf-8") == built["01_first.ipynb"]
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {"01_first.py", "01_first.ipynb"}


def test_names(folder):
    (folder / "source" / "02_second.py").write_text(SOLVED)
    assert list(source_files()) == ["01_first", "02_second"]
    assert list(unexecuted_notebooks()) == ["01_first", "02_second", "solutions/02_second"]
    with pytest.raises(InputError, match="'03'.*01_first, 02_second, solutions/02_second"):
        build_notebooks(["01", "03"])
    for names in (["solutions"], ["solutions/02"]):
        assert [line.partition(":")[0] for line in stale_notebooks(names)] == ["solutions/02_second.ipynb"]
    both = [line.partition(":")[0] for line in stale_notebooks(["02"])]
    assert both == ["02_second.ipynb", "solutions/02_second.ipynb"]


def test_a_source_makes_an_exercise_and_its_solution(folder):
    (folder / "source" / "02_second.py").write_text(SOLVED)
    found = unexecuted_notebooks()
    cells = {name: [neutral(cell.source) for cell in notebook.cells] for name, notebook in found.items()}
    assert cells["02_second"] == ["# A title", "import math", "print(1)", "The task.", "answer = ...", "print(answer)"]
    assert cells["solutions/02_second"] == ["# Solved", "import math", "The task.", "answer = 3", "print(answer)"]
    tags = [cell.metadata.get("tags") for cell in found["solutions/02_second"].cells]
    assert tags == [None, ["parameters"], None, None, ["nbval-check-output"]]
    (folder / "solutions").mkdir()
    shutil.copy(folder / "01_first.ipynb", folder / "solutions" / "01_first.ipynb")
    assert [line for line in stale_notebooks(["solutions/01"])] == [
        "solutions/01_first.ipynb: has no source; expected source/01_first.py"
    ]


def test_the_command(folder, capsys):
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == "all notebooks are up to date\n"
    _edit_source(folder)
    assert main(["01", "--check"]) == 1
    assert capsys.readouterr().out == "01_first.ipynb: its cells differ from source/01_first.py\n"
    assert main(["01"]) == 0
    assert capsys.readouterr().out.endswith("01_first.ipynb\n")
    assert main(["--check"]) == 0
    assert main(["03"]) == 2
    assert capsys.readouterr().err.startswith("notebooks/build.py: no notebook is called '03'")
    (folder / "source" / "01_first.py").write_text("# %%\n1 / 0\n")
    assert main([]) == 1
    assert "01_first.ipynb: ZeroDivisionError" in capsys.readouterr().err
