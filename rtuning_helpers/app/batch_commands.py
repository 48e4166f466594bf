"""``rtuning batch``, ``rtuning status`` and ``rtuning clean``."""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from rtuning_helpers.app import reports
from rtuning_helpers.errors import InputError
from rtuning_helpers.processes import in_own_process
from rtuning_helpers.run.artifacts import shown_path

if TYPE_CHECKING:
    from rtuning_helpers.batch.grid import Grid
    from rtuning_helpers.batch.plan import Job
    from rtuning_helpers.batch.scheduler import Outcome
    from rtuning_helpers.batch.slots import Checked
    from rtuning_helpers.batch.state import Events

SERVICES = {"trackio": "trackio", "wandb": "wandb", "tensorboard": "tensorboard"}
COMMAND = (sys.executable, "-m", "rtuning_helpers.app.batch_job")
SHOWN_FAILURES = 10
NOT_ASKED = "not asked for"


class BatchFailed(RuntimeError):  # noqa: N818
    """Some runs are not finished, or their results could not be written."""


def batch(
    grid_file: Annotated[Path, typer.Argument(metavar="GRID.yaml", help="Settings, each a value or a list of values.")],
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Jobs at a time.  [default: by memory and cores; one a GPU]")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, say what would be done, and end.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going/--stop", help="Go on with the others where one fails, or begin no more.")
    ] = True,
    retry: Annotated[int, typer.Option(metavar="N", min=0, help="Try a job that failed so often again.")] = 0,
    only: Annotated[
        str | None, typer.Option(metavar="STATE", help="failed: only the runs that failed the last time.")
    ] = None,
    report_to: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Report tuning to trackio, wandb or tensorboard.  [default: none]"),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch the models and data that are not here yet, and end.")
    ] = False,
    job: Annotated[
        str | None, typer.Option(metavar="NAME", help="Do this one job, as --dry-run names it, and end.")
    ] = None,
) -> None:
    """Do all runs of a grid, and write their results on one page.

    What is finished is reused; the same command does what is missing.
    """
    from rtuning_helpers.batch.state import batch_lock

    if only is not None and only.lower() != "failed":
        raise InputError(f"--only {only!r} is unknown; expected failed")
    services = _services(report_to)
    grid, planned, notebooks = read_plan(grid_file)
    console = reports.new_console()
    if fetch or job is not None:
        from rtuning_helpers.app import batch_alone

        if fetch:
            batch_alone.fetch(grid)
        if job is not None:
            batch_alone.do_job(grid, planned, job, services)
        return
    with batch_lock(grid.out):
        with reports.waiting("checking"):
            checked: Checked = in_own_process(_checked, grid, planned, notebooks)
        for note in checked.notes:
            print(f"rtuning: note: {note}", file=sys.stderr)
        _do(console, grid, planned, checked, jobs, retry, keep_going, dry_run, only is not None, services)


def read_plan(grid_file: Path) -> "tuple[Grid, dict[str, Job], dict[str, Path]]":
    """A grid, its jobs by name, and where the notebooks lie.

    Raises:
        InputError: Something in the file is not as it should be, or there are no notebooks.
    """
    from rtuning_helpers.app.notebook_runs import TUTORIAL, declared_parameters, notebooks_folder
    from rtuning_helpers.batch.grid import read_grid
    from rtuning_helpers.batch.plan import plan

    notebooks = {path.stem: path for path in sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb"))}
    main_line = [path.stem for path in sorted(notebooks_folder().glob(TUTORIAL))]
    declared = {name: declared_parameters(path) for name, path in notebooks.items()}
    grid = read_grid(grid_file, declared, main_line)
    return grid, plan(grid, notebooks), notebooks


def _checked(grid: "Grid", jobs: "Mapping[str, Job]", notebooks: Mapping[str, Path]) -> "Checked":
    from rtuning_helpers.app.batch_checks import check_batch

    return check_batch(grid, jobs, notebooks)


def _services(names: str | None) -> str:
    from importlib.util import find_spec

    chosen = [name.strip() for name in (names or "").split(",") if name.strip()]
    for name in chosen:
        if name not in SERVICES:
            raise InputError(f"--report-to {name!r} is unknown; expected some of {', '.join(SERVICES)}")
        if find_spec(SERVICES[name]) is None:
            raise InputError(f"--report-to {name}: it is not installed; expected `pip install {SERVICES[name]}` before")
    return ",".join(chosen)


def _known(
    jobs: "Mapping[str, Job]", finished: Collection[str], keys: Mapping[str, str], wanted: Collection[str]
) -> "dict[str, Outcome]":
    """What is known of jobs before any begins: the finished ones, and those that no wanted run needs."""
    from rtuning_helpers.batch.plan import is_made
    from rtuning_helpers.batch.scheduler import Outcome
    from rtuning_helpers.batch.state import FINISHED, LEFT_OUT

    known: dict[str, Outcome] = {}
    for name, job in jobs.items():
        reads_finished = all(known.get(other) == Outcome(FINISHED) for other in (*job.needs, *job.one_of.values()))
        if name in finished and (not job.notebook or (reads_finished and is_made(job, job.methods, jobs, keys))):
            known[name] = Outcome(FINISHED)
        elif not set(wanted) & set(job.runs):
            known[name] = Outcome(LEFT_OUT, NOT_ASKED)
    return known


def _do(
    console: Console, grid: "Grid", jobs: "Mapping[str, Job]", checked: "Checked", at_most: int | None = None,
    retry: int = 0, keep_going: bool = True, dry_run: bool = False, only_failed: bool = False,
    services: str = "",
) -> None:  # fmt: skip
    from rtuning_helpers.app.batch_job import REPORT_TO
    from rtuning_helpers.batch.scheduler import Scheduler
    from rtuning_helpers.batch.slots import job_slots
    from rtuning_helpers.batch.state import FAILED, FINISHED, Events, last_keys, run_states, seconds_of
    from rtuning_helpers.batch.table import LiveTable

    events = Events(grid.out)
    history = events.read()
    keys = {name: key for name, key in last_keys(history).items() if name in checked.finished}
    states = run_states(history)
    failed = {run for run in grid.runs if states.get(run, {}).get("state") == FAILED}
    known = _known(jobs, checked.finished, keys, failed if only_failed else set(grid.runs))
    slots = [slot | ({REPORT_TO: services} if services else {}) for slot in job_slots(checked, at_most)]
    reused = sum(outcome.state == FINISHED for outcome in known.values())
    missing = [name for name in jobs if name not in known]
    console.print(
        f"{len(grid.runs):,} runs, {len(jobs):,} jobs: {reused:,} finished, {len(missing):,} to do, {len(slots)} at a "
        f"time; results in {shown_path(grid.out)}",
        soft_wrap=True,
        markup=False,
    )
    if dry_run:
        for name in missing:
            console.print(f"  {name}", soft_wrap=True, markup=False)
        return
    events.add(event="batch", grid=grid.path.name, pid=os.getpid(), runs=grid.runs)
    began = time.monotonic()
    table = LiveTable(console, jobs, known, seconds_of(history), len(slots))
    scheduler = Scheduler(jobs, known, COMMAND, events, table, slots, keys, retry, keep_going)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left behind
    try:
        with table:
            outcomes = scheduler.run()
    finally:
        signal.signal(signal.SIGTERM, before)
        _settle(grid, jobs, scheduler.outcomes, events)
    _conclude(console, grid, jobs, outcomes, events, time.monotonic() - began)


def _settle(grid: "Grid", jobs: "Mapping[str, Job]", outcomes: "Mapping[str, Outcome]", events: "Events") -> None:
    """Record what became of every run."""
    from rtuning_helpers.batch.scheduler import run_state
    from rtuning_helpers.batch.state import FAILED, LEFT_OUT

    found: dict[str, list[tuple[str, Outcome | None]]] = {run: [] for run in grid.runs}
    for name, job in jobs.items():
        for run in job.runs:
            found[run].append((job.what, outcomes.get(name)))
    for run, named in found.items():
        state = run_state([outcome for _, outcome in named])
        if not state or any(outcome and outcome.reason == NOT_ASKED for _, outcome in named):
            continue  # what was known of it before holds
        bad = [(o.state, f"{what}: {o.reason}") for what, o in named if o and o.state in (FAILED, LEFT_OUT)]
        events.add(run=run, state=state, **({"reason": min(bad)[1]} if bad else {}))


def _conclude(
    console: Console, grid: "Grid", jobs: "Mapping[str, Job]", outcomes: "Mapping[str, Outcome]", events: "Events",
    seconds: float,
) -> None:  # fmt: skip
    from rtuning_helpers.batch.page import write_page
    from rtuning_helpers.batch.results import PARQUET, TABLE, collect, write_tables
    from rtuning_helpers.batch.state import FAILED, FINISHED, LOGS, run_states

    states = {run: event for run, event in run_states(events.read()).items() if run in set(grid.runs)}
    counts = Counter(event["state"] for event in states.values())
    try:
        frame = collect(grid, [run for run, event in states.items() if event["state"] == FINISHED])
        write_tables(frame, grid.out)
        page = write_page(grid, frame, states)
    except OSError as error:
        raise BatchFailed(
            f"the results cannot be written to {shown_path(grid.out)} ({error.strerror}); the runs are kept, and the "
            "same command writes them"
        ) from error
    failed = {run: event.get("reason", "") for run, event in states.items() if event["state"] == FAILED}
    for run, reason in list(failed.items())[:SHOWN_FAILURES]:
        console.print(f"failed: {run}: {reason}", soft_wrap=True, markup=False, style="red")
    if len(failed) > SHOWN_FAILURES:
        console.print(f"and {len(failed) - SHOWN_FAILURES} others")
    if failed:
        console.print(f"What they said: {shown_path(events.path.parent / LOGS)}", soft_wrap=True, markup=False)
    console.print(f"Results: {shown_path(page)}, {TABLE}, {PARQUET}", soft_wrap=True, markup=False)
    console.print(
        f"{counts[FINISHED]:,} of {len(grid.runs):,} runs finished, {len(failed):,} failed. "
        f"Time: {reports.duration(seconds)}"
    )
    if counts[FINISHED] < len(grid.runs):
        raise BatchFailed(
            f"{len(grid.runs) - counts[FINISHED]} of {len(grid.runs)} runs are not finished; "
            f"`rtuning batch {grid.path}` does what is missing, with --only failed those that failed, and finished "
            "steps are reused"
        )


def status(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="Folder of runs, such as runs.")],
) -> None:
    """Say what is finished, at work, failed or left half-done, and how large it is."""
    from rtuning_helpers.batch.status import look, part_words

    found, console = look(runs), reports.new_console(reports.LIST_WIDTH)
    table = reports.new_table(["folder", "finished steps", ""], ["size"], title=escape(shown_path(runs)))
    for part in found.parts:
        table.add_row(escape(part.name), escape(", ".join(part.steps)), escape(part_words(part)), in_mib(part.size))
    console.print(table)
    for line in found.batch_lines():
        console.print(line, soft_wrap=True, markup=False)


def clean(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="Folder of runs, such as runs.")],
    keep: Annotated[str, typer.Option(metavar="LIST", help="Steps to keep, such as metrics, or metrics,predictions.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and end.")] = False,
) -> None:
    """Remove the files of finished steps, and what dead processes left.

    Manifests, executed notebooks and pages of results stay, so a batch does not do finished runs again.
    """
    from rtuning_helpers.batch import clean as cleaning

    found = cleaning.removable(runs, cleaning.check_kept(keep))
    for item in found:
        print(f"{shown_path(item.path)}: {in_mib(item.size)}")
    size = in_mib(sum(item.size for item in found))
    print(f"{size} could be freed" if dry_run else f"{in_mib(cleaning.clean(runs, found))} freed")


def in_mib(size: int) -> str:
    """A size for people."""
    return f"{size / 2**20:,.1f} MiB"
