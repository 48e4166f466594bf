"""Parts of a batch by themselves, for another scheduler (``workflow/Snakefile``): what it fetches, and one job."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace

from rtuning_helpers.app import batch_job
from rtuning_helpers.app.reports import waiting
from rtuning_helpers.batch.grid import Grid
from rtuning_helpers.batch.plan import Job, is_made, notebook_key
from rtuning_helpers.batch.state import FAILED, FINISHED, Event, Events, last_keys
from rtuning_helpers.data.questions import TRAIN
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.fetching import fetch_model
from rtuning_helpers.run.artifacts import check_writable
from rtuning_helpers.run.loaded_questions import evaluation_splits, loaded_questions


def fetch(grid: Grid) -> None:
    """Fetch every model and data set of a grid into the caches; afterwards HF_HUB_OFFLINE=1 does.

    Raises:
        InputError: One cannot be fetched; file, line and key are named.
    """
    for group in {replace(group.config, seed=0): group for group in grid.groups}.values():
        try:
            with waiting("fetching"):
                for split in (TRAIN, *evaluation_splits(group.config)):
                    loaded_questions(group.config, split)
                fetch_model(group.config.settings.model, group.config.settings.revision)
        except InputError as error:
            raise grid.error(group, str(error)) from None


def do_job(grid: Grid, jobs: Mapping[str, Job], name: str, services: str = "") -> None:
    """Do one job of a grid, and first what it needs that is not there; take it as it is if it is finished.

    Args:
        name: The job's name.
        services: What its tuning is reported to, separated by commas.

    Raises:
        InputError: There is no such job, or its input is bad.
        Exception: Whatever else it fails for; `rtuning status` and the next batch know of it.
    """
    job = jobs.get(name)
    if job is None:
        raise InputError(
            f"--job {name}: {grid.path} has no such job; expected one such as {next(iter(jobs))} (--dry-run names all)"
        )
    check_writable(job.config)
    if services:
        os.environ[batch_job.REPORT_TO] = services
    if job.notebook and is_made(job, job.methods, jobs, last_keys(Events(grid.out).read())):
        return
    events, began = Events(grid.out, name), time.monotonic()
    events.forget()

    def note(state: str, **more: object) -> None:
        told: Event = {"what": job.what, "state": state, "seconds": round(time.monotonic() - began, 1)}
        events.add(job=name, runs=job.runs, **told, **more)

    try:
        batch_job.do_order(job.order(job.methods))
    except Exception as error:
        reason = " ".join(str(error).split())
        note(FAILED, reason=reason)
        for run in job.runs:
            events.add(run=run, state=FAILED, reason=f"{job.what}: {reason}")
        raise
    note(FINISHED, **({"key": notebook_key(job, job.methods, jobs)} if job.notebook else {}))
