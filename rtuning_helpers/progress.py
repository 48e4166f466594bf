"""Progress bars: text in a terminal, text below the cell of a notebook that somebody watches, nothing anywhere else."""

import io
import sys

from tqdm import tqdm


def progress_bar(total: int, description: str | None, unit: str = "it") -> tqdm:
    """A bar that is gone when it is closed: use it as a context manager, or close it.

    It needs no widgets. In a notebook it shows only where somebody watches: papermill, nbval and the like say with each
    cell that nobody could answer a prompt, and get no bar. In a terminal it stands on standard error.

    Args:
        total: Units of work.
        description: Text beside the bar; None for no bar.
        unit: Name of a unit of work.
    """
    if description is not None and (cell := _watched_cell()):
        return _CellBar(cell, total=total, desc=description, unit=unit, leave=False, file=io.StringIO(), ncols=80)
    return tqdm(total=total, desc=description, unit=unit, leave=False, disable=True if description is None else None)


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
