"""Progress bars: text in a terminal, text below the cell of a notebook that somebody watches, nothing anywhere else.

A process that starts this one can read them, too: it names a file in the variable RTUNING_PROGRESS.
"""

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rtuning_helpers import ranks
from rtuning_helpers.json_files import write_text

PROGRESS_FILE = "RTUNING_PROGRESS"
FILE_SECONDS = 1.0  # between two looks at a bar


def progress_bar(total: int, description: str | None, unit: str = "it", done: int = 0) -> tqdm:
    """A bar that is gone when it is closed: use it as a context manager, or close it.

    It needs no widgets. In a notebook it shows only where somebody watches: papermill, nbval and the like say with each
    cell that nobody could answer a prompt, and get no bar. In a terminal it stands on standard error. Of several
    processes that work together (`ranks`) the first shows it.

    Args:
        total: Units of work.
        description: Text beside the bar; None for no bar.
        unit: Name of a unit of work.
        done: Units that were done before; the bar says that this is resumed.
    """
    if not ranks.is_first():
        description = None
    if description is not None and done:
        description = f"{description}, resumed"
    how: dict[str, Any] = {"total": total, "desc": description, "unit": unit, "initial": done, "leave": False}
    if description is not None and (cell := _watched_cell()):
        return _CellBar(cell, file=io.StringIO(), ncols=80, **how)
    if description is not None and (path := os.environ.get(PROGRESS_FILE)):
        return _FileBar(Path(path), **how)
    return tqdm(**how, disable=True if description is None else None)


class _Cell:
    """A notebook's cell while it runs. Its open bars stand line by line in one output, which is empty without any."""

    current: "_Cell | None" = None

    def __init__(self, request: str) -> None:
        self.request, self.lines, self.shown = request, dict[int, str](), False

    def show(self, bar: int, line: str) -> None:
        self.lines[bar] = line
        if not line:
            del self.lines[bar]
        text = "\n".join(self.lines.values())
        self._publish({"text/plain": text})
        if not text:
            self._publish({})  # and no blank line either; the empty text is for front ends that ignore this

    def _publish(self, data: dict[str, str]) -> None:
        from IPython.display import publish_display_data

        publish_display_data(data, transient={"display_id": f"progress-{self.request}"}, update=self.shown)
        self.shown = True


class _CellBar(tqdm):
    """A bar below a notebook's cell."""

    def __init__(self, cell: _Cell, **settings) -> None:
        self.cell = cell
        super().__init__(**settings)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Called by tqdm to show the bar, or with an empty message to take it away."""
        self.cell.show(id(self), str(self) if msg is None else msg)
        return True


class _FileBar(tqdm):
    """A bar in words, for the process that reads the file: a line for each that is open."""

    monitor_interval = 0  # no thread of its own, for processes are copied from this one
    lines: dict[int, str] = {}

    def __init__(self, path: Path, **settings) -> None:
        self.path = path
        how = {"disable": False, "mininterval": FILE_SECONDS, "miniters": 1}
        super().__init__(**settings, **how, file=io.StringIO())

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Called by tqdm to show the bar, or with an empty message to take it away."""
        self.lines[id(self)] = self._in_words() if msg is None else msg
        if not self.lines[id(self)]:
            del self.lines[id(self)]
        with suppress(OSError):  # whoever reads it may have gone
            write_text(self.path, "\n".join(self.lines.values()))
        return True

    def _in_words(self) -> str:
        """``padding: fine-tuning, step 120 of 408, 35 s left``"""
        done, whole, seconds = self.n, self.total, self.format_dict["elapsed"]
        unit = "" if self.unit == "it" else f"{self.unit} "
        now = done - self.initial
        left = f", {seconds * (whole - done) / now:.0f} s left" if now and whole else ""
        return f"{self.desc.removesuffix(': ')}, {unit}{done:,} of {whole:,}{left}"


def _watched_cell() -> _Cell | None:
    """The cell that runs, if this is a notebook and its front end has a reader."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent() if kernel else {}
    if not parent.get("content", {}).get("allow_stdin", False):
        return None
    request = parent["header"]["msg_id"]
    if _Cell.current is None or _Cell.current.request != request:
        _Cell.current = _Cell(request)
    return _Cell.current
