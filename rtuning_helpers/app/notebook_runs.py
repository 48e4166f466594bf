"""Execute the tutorial's notebooks with papermill: parameters checked, progress reported, kernels never left behind."""

import ast
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

from jupyter_client.kernelspec import KernelSpecManager
from traitlets.config import Config

from rtuning_helpers.app.light_papermill import nbclient, nbformat, papermill
from rtuning_helpers.errors import InputError
from rtuning_helpers.experiments.findings import FAILS, HOLDS, NOTE, TOO_FEW
from rtuning_helpers.language import in_every_language
from rtuning_helpers.progress import PROGRESS_FILE
from rtuning_helpers.run.artifacts import results_folder, shown_path
from rtuning_helpers.run.profiles import RunConfig, default_out
from rtuning_helpers.run.step_folders import holding, to_disk

TUTORIAL = "0[1-5]_*.ipynb"  # the main line; the later notebooks stand on their own
MARKS = (HOLDS, FAILS, TOO_FEW, NOTE)
KERNEL = "python3"
ENGINE = "rtuning"
CORE_PARAMETERS = ("profile", "dataset", "seed", "out")
KERNEL_ENVIRONMENT = {
    "TQDM_DISABLE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TORCHDYNAMO_DISABLE": "1",  # nothing is compiled; without, bitsandbytes loads the compiler at its import: 45 MiB
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # figures in the notebook, whatever the shell says
}
START_SECONDS, OUTPUT_SECONDS, END_SECONDS = 300, 120, 10.0  # patience with a busy machine
LOOK_SECONDS = 1.0  # between two looks at what a cell does
SOCKET_PATH_LIMIT = 100  # bytes; the kernel's limit is 108

Progress = Callable[..., None]
"""Called as (notebook, heading, cells done, cells in all); the two numbers are equal when the notebook is finished.

While a cell runs it is called again and again with a fifth text: the bars that are open in the notebook, a line each.
"""


class NotebookFailed(RuntimeError):  # noqa: N818
    """A notebook did not run to its end: one line that names it, the cell's heading, the error, and the kept copy."""


def notebooks_folder() -> Path:
    """The clone's ``notebooks`` folder.

    Raises:
        InputError: The package was installed without its clone.
    """
    folder = default_out() / "notebooks"
    if not ((folder.parent / "rtuning_helpers").is_dir() and folder.is_dir()):
        raise InputError(
            "the notebooks are not part of an installed package: `rtuning run` needs a clone of the repository; "
            "expected `pip install -e .` in the clone"
        )
    return folder


def find_notebooks() -> list[Path]:
    """The notebooks of the main line, 01 to 05, in order.

    Raises:
        InputError: There is no clone, or it holds none.
    """
    found = sorted(notebooks_folder().glob(TUTORIAL))
    if not found:
        raise InputError(f"{shown_path(notebooks_folder())}: no notebooks; expected {TUTORIAL} as in the repository")
    return found


def declared_parameters(notebook: Path) -> dict[str, Any]:
    """The parameters that a notebook's cell tagged ``parameters`` declares, with their defaults."""
    return dict(_declared(notebook, notebook.stat().st_mtime_ns))


@cache  # thousands of runs ask for the same
def _declared(notebook: Path, changed: int) -> dict[str, Any]:
    found = papermill.inspect_notebook(_plain(notebook))
    return {name: _literal(parameter["default"]) for name, parameter in found.items()}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):  # an expression
        return None


def run_notebooks(
    config: RunConfig, methods: Sequence[str], force: bool = False, progress: Progress = lambda *cell: None
) -> list[Path]:
    """Execute notebooks 01 to 05 in order, with the run's settings as parameters.

    Returns:
        The executed notebooks, in ``<out>/<profile>/<dataset>/notebooks/seed<k>/``.

    Raises:
        InputError: As raised in a notebook.
        NotebookFailed: Any other failure in a notebook.
    """
    results = results_folder(config).absolute()
    config = replace(config, out=str(results.parent.parent))
    folder = results / "notebooks" / f"seed{config.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = find_notebooks()
    chosen = {path: choose_parameters(path, config, methods, force) for path in notebooks}
    return [execute(path, folder / path.name, parameters, progress) for path, parameters in chosen.items()]


def choose_parameters(
    notebook: Path, config: RunConfig, methods: Sequence[str], force: bool, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The parameters of the run that the notebook declares.

    Args:
        notebook: Where it lies.
        config: The run's settings.
        methods: Its methods.
        force: Whether finished steps are done again.
        extra: More parameters, for the notebooks that have them.

    Raises:
        NotebookFailed: It lacks all of the core ones, or one that the user has set.
    """
    declared = declared_parameters(notebook)
    if not set(declared) & set(CORE_PARAMETERS):
        raise NotebookFailed(
            f"{notebook.name}: its cell tagged `parameters` declares {', '.join(declared) or 'nothing'}; "
            f"expected {', '.join(CORE_PARAMETERS)}"
        )
    settings, defaults = asdict(config), asdict(RunConfig())
    for name, value in settings.items():
        if name not in declared and name != "out" and value != defaults[name]:
            raise NotebookFailed(f"{notebook.name}: its cell tagged `parameters` lacks {name}, which the run sets")
    settings |= {"methods": list(methods), "force": force, **(extra or {})}
    return {name: value for name, value in settings.items() if name in declared}


def execute(source: Path, target: Path, parameters: Mapping[str, Any], progress: Progress = lambda *cell: None) -> Path:
    """Execute one notebook in the folder where it lies.

    The result appears under its name only when it is complete; of a failed run the executed part is kept beside it
    as ``<name>.failed.ipynb``, of an interrupted one nothing. Where another process is at the same one, this one waits.

    Args:
        source: The notebook.
        target: Where the executed one belongs; it is also what is returned.
        parameters: What to inject after the cell tagged ``parameters``; nothing is injected if empty.
        progress: Told of every cell.

    Raises:
        InputError: A cell raised InputError.
        NotebookFailed: A cell raised something else, or the kernel died.
    """
    failed = target.with_name(f"{target.stem}.failed.ipynb")
    heading, cell, cells = "", 0, 1

    def on_cell(title: str, done: int, in_all: int) -> None:
        nonlocal heading, cell, cells
        heading, cell, cells = title, done, in_all
        progress(source.name, title, done, in_all)

    def on_look(bars: str) -> None:
        if heading:
            progress(source.name, heading, cell, cells, bars)

    def failure(reason: str) -> NotebookFailed:
        where = f" under {heading!r}" if heading else ""
        kept = f"; executed so far: {shown_path(failed)}" if failed.is_file() else ""
        return NotebookFailed(f"{source.name}{where}: {' '.join(reason.split())}{kept}")

    with ExitStack() as stack:
        stack.enter_context(holding(target.with_suffix("")))
        for left in target.parent.glob(f".{glob.escape(target.stem)}-*"):  # by processes that were killed
            shutil.rmtree(left, ignore_errors=True)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent))
        work, bars = Path(folder) / target.name, Path(folder) / "progress"
        try:
            how: dict[str, Any] = {
                "engine_name": ENGINE,
                "kernel_name": KERNEL,
                "progress_bar": False,
                "log_output": False,
            }
            how |= {"cwd": str(source.parent), "on_cell": on_cell, "bars": bars}
            with _watched(bars, on_look):
                papermill.execute_notebook(_plain(source), _plain(work), dict(parameters), **how)
        except Exception as error:
            if work.is_file():
                os.replace(work, failed)
            if isinstance(error, papermill.PapermillExecutionError):
                if error.ename == InputError.__name__:
                    raise InputError(error.evalue) from None
                raise failure(f"{error.ename}: {error.evalue}") from error
            if isinstance(error, nbclient.exceptions.DeadKernelError):
                raise failure(f"its kernel died: it was killed, or ran out of memory {error}") from error
            if isinstance(error, nbclient.exceptions.CellTimeoutError):
                raise failure(f"its kernel sent nothing for {OUTPUT_SECONDS} s; is the machine overloaded?") from error
            raise failure(f"{type(error).__name__}: {error}") from error
        to_disk(work)
        os.replace(work, target)
        to_disk(target.parent)
    failed.unlink(missing_ok=True)
    progress(source.name, heading, cells, cells)
    return target


def headings(notebook: nbformat.NotebookNode) -> list[str]:
    """For each cell, the last markdown heading at or above it."""
    last, found = "", []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            titles = [line.lstrip("#").strip() for line in cell.source.splitlines() if line.startswith("#")]
            last = titles[-1] if titles else last
        found.append(last)
    return found


def printed_findings(notebooks: Iterable[Path]) -> list[tuple[str, str, str]]:
    """What executed notebooks print of their findings and of what to know before: (notebook, kind, text) each.

    The kind is one of `findings.HOLDS`, `findings.FAILS`, `findings.TOO_FEW` and `findings.NOTE`.
    """
    found = []
    for path in notebooks:
        outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
        for line in (line for output in outputs for line in output.get("text", "").split("\n")):
            marks = [(mark, said) for mark in MARKS for said in in_every_language(mark) if line.startswith(said)]
            found += [(path.name, mark, line.removeprefix(said)) for mark, said in marks[:1]]
    return found


class _ReportingEngine(papermill.engines.NBClientEngine):
    """Papermill's own engine, which also tells of each cell and is careful with the kernel process."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, on_cell=None, bars=None, **kwargs):
        titles, start_cell = headings(nb_man.nb), nb_man.cell_start

        def cell_start(cell, cell_index=None, **rest):
            on_cell(titles[cell_index], cell_index, len(titles))
            start_cell(cell, cell_index, **rest)

        nb_man.cell_start = cell_start
        with _kernel_settings() as settings, tempfile.TemporaryFile() as log:
            patience = {"timeout": None, "startup_timeout": START_SECONDS, "iopub_timeout": OUTPUT_SECONDS}
            client = papermill.clientwrap.PapermillNotebookClient(
                nb_man, kernel_name=kernel_name, config=settings, record_timing=False, **patience
            )
            client.km = client.create_kernel_manager()
            manager = client.km
            # With no folder to look the name up in, the kernel is that of the interpreter that runs this.
            manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
            client.owns_km = True  # so that the client stops the kernel when it is done
            try:  # the client interrupts the kernel, asks it to end, and waits for some seconds ...
                environment = {**os.environ, **KERNEL_ENVIRONMENT, PROGRESS_FILE: str(bars)}
                client.execute(env=environment, stdout=log, stderr=log)
            except RuntimeError as error:  # also DeadKernelError; a cell's own errors do not come this way
                raise nbclient.exceptions.DeadKernelError(_last_line(log)) from error
            finally:  # ... unless it is interrupted itself
                process = getattr(manager.provisioner, "process", None)
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()


papermill.engines.papermill_engines.register(ENGINE, _ReportingEngine)


@contextmanager
def _watched(file: Path, look: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile tell every second what a file holds, nothing if it is not there."""
    ended = Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            try:
                text = file.read_text(encoding="utf-8")
            except OSError:
                text = ""
            look(text)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _kernel_settings() -> Iterator[Config]:
    """How to reach the kernel: over files in a folder of its own, which no other run or user can meet, else TCP."""
    bases = [tempfile.gettempdir(), "/tmp"] if sys.platform == "linux" else []
    base = next((b for b in bases if os.path.isdir(b) and len(os.fsencode(b)) + 30 < SOCKET_PATH_LIMIT), None)
    settings = Config({"KernelManager": {"shutdown_wait_time": END_SECONDS}})
    if base is None:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="rtuning-", dir=base, ignore_cleanup_errors=True) as folder:
        settings.KernelManager.update({"transport": "ipc", "connection_file": f"{folder}/kernel.json"})
        yield settings


def _last_line(log: IO[bytes]) -> str:
    """What a dead kernel said last."""
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"(its last words: {said[:200]})" if said else ""


def _plain(path: Path) -> str:
    """The path as text in which papermill, which formats its paths, finds no placeholder."""
    return str(path.absolute()).replace("{", "{{").replace("}", "}}")
