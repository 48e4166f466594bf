"""What can be seen to before the first job of a batch starts, for all its runs."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rtuning_helpers.app.doctor import GIB, MINI_MEMORY_GIB
from rtuning_helpers.app.model_report import tuning_needs
from rtuning_helpers.app.notebook_runs import NotebookFailed, choose_parameters
from rtuning_helpers.app.run_checks import check_run
from rtuning_helpers.batch.grid import Grid, Group
from rtuning_helpers.batch.plan import Job, finished_steps
from rtuning_helpers.batch.slots import Checked
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.model_files import shipped_folder
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig

LIBRARIES_GIB = 0.7  # of it without the model
JOB_DISK_GIB = 0.002  # for a job's answers, or its notebook
SPARE_GIB = 0.5  # of the disk


def check_batch(grid: Grid, jobs: Mapping[str, Job], notebooks: Mapping[str, Path]) -> Checked:
    """See to everything for every run; call it in a process of its own, for it imports the libraries of models.

    Raises:
        InputError: Something does not fit; file, line and key are named.
    """
    notes: dict[str, None] = {}
    job_gib, disk_gib = MINI_MEMORY_GIB, SPARE_GIB
    sizes: dict[tuple[str, str], tuple[float, float]] = {}
    looked_at: set[RunConfig] = set()
    sources = [notebooks[name] for name in grid.notebooks]
    for group in grid.groups:
        with _naming(grid, group):
            for source in sources:
                choose_parameters(source, group.config, group.methods, False, group.extra)
            setting = replace(group.config, seed=0)
            if setting not in looked_at:
                looked_at.add(setting)
                notes |= dict.fromkeys(check_run(group.config, sources))
            if _size_key(group.config) not in sizes:
                sizes[_size_key(group.config)] = memory, _ = _needs(group.config)
                job_gib = max(job_gib, memory)
    finished = finished_steps(jobs.values())
    for job in jobs.values():
        if job.name not in finished:
            disk_gib += JOB_DISK_GIB + (0 if job.folder is None else sizes[_size_key(job.config)][1])
    free = shutil.disk_usage(grid.out).free / GIB
    if disk_gib > free:
        raise InputError(
            f"{grid.path}: its runs take about {disk_gib:.1f} GiB, and {shown_path(grid.out)} has {free:.1f} GiB free; "
            "expected a larger disk (key out), or fewer runs"
        )
    return Checked(tuple(notes), frozenset(finished), job_gib, _gpus())


@contextmanager
def _naming(grid: Grid, group: Group) -> Iterator[None]:
    """Whatever is wrong is said with its place in the grid's file."""
    try:
        yield
    except (InputError, NotebookFailed) as error:
        raise grid.error(group, str(error)) from None


def _size_key(config: RunConfig) -> tuple[str, str]:
    return config.profile, config.settings.model


def _needs(config: RunConfig) -> tuple[float, float]:
    """Memory of a job and disk of a tuned model [GiB]."""
    memory, disk = tuning_needs(config)
    return (MINI_MEMORY_GIB if shipped_folder(config.settings.model) else memory + LIBRARIES_GIB), disk


def _gpus() -> tuple[str, ...]:
    import torch

    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return tuple(named or map(str, range(torch.cuda.device_count()))) if torch.cuda.is_available() else ()
