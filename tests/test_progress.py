"""Progress bars: seen by whoever sits before a notebook, and gone from what is saved."""

from __future__ import annotations

import io
import sys

import nbformat
import papermill
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from rtuning_helpers.progress import progress_bar

CODE = """from rtuning_helpers.progress import progress_bar
print("before")
with progress_bar(4, "outer") as outer, progress_bar(2, "inner") as inner:
    for _ in range(4):
        outer.update(1)
        outer.refresh()
print("after")"""


@pytest.fixture(autouse=True)
def bars_are_wanted(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)


def notebook() -> nbformat.NotebookNode:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=[new_code_cell(CODE), new_code_cell("1 + 1")], metadata={"kernelspec": spec})


class Watched(NotebookClient):
    """A front end with a reader, as JupyterLab, VS Code or Colab: it can answer prompts. It keeps what it is sent."""

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        client.allow_stdin = True
        self.seen = []
        return client

    def process_message(self, msg, cell, cell_index):
        self.seen.append(msg)
        return super().process_message(msg, cell, cell_index)


def test_a_bar_shows_in_a_watched_notebook_and_leaves_nothing_readable():
    done = notebook()
    client = Watched(done)
    client.execute()
    shown = [m["content"] for m in client.seen if m["header"]["msg_type"] in ("display_data", "update_display_data")]
    texts = [content["data"].get("text/plain", "") for content in shown]
    assert any("outer:  75%" in text and "\ninner:   0%" in text for text in texts)
    assert all(set(content["data"]) <= {"text/plain"} for content in shown)  # no widget is needed
    assert len({content["transient"]["display_id"] for content in shown}) == 1
    assert texts[-2:] == ["", ""] and shown[-1]["data"] == {}
    streams = [(o.name, o.text) for o in done.cells[0].outputs if o.output_type == "stream"]
    assert streams == [("stdout", "before\n"), ("stdout", "after\n")]
    assert [o.data for o in done.cells[0].outputs if o.output_type == "display_data"] == [{}]
    nbformat.validate(done)


def test_an_executed_notebook_holds_no_trace_of_a_bar(tmp_path):
    nbformat.write(notebook(), tmp_path / "in.ipynb")
    papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", progress_bar=False, kernel_name="python3")
    first, second = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert [(o.output_type, o.name, o.text) for o in first.outputs] == [("stream", "stdout", "before\nafter\n")]
    assert [o.data for o in second.outputs] == [{"text/plain": "2"}]


@pytest.mark.parametrize(("is_terminal", "description", "seen"), [(True, "probing", True), (True, None, False),
                                                                  (False, "probing", False)])  # fmt: skip
def test_outside_a_notebook_a_terminal_decides(monkeypatch, is_terminal, description, seen):
    screen = io.StringIO()
    screen.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", screen)
    with progress_bar(2, description) as bar:
        bar.update(1)
    assert ("probing:   0%" in screen.getvalue()) == seen
    assert screen.getvalue().split("\r")[-1].strip() == ""
