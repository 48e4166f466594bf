"""How many jobs can run at the same time, and what each of them may use."""

import os
from dataclasses import dataclass

import psutil

from rtuning_helpers.model.control_groups import memory_limit
from rtuning_helpers.model.threads import allowed_cores

GIB = 2**30


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        notes: What the user should know, a line each.
        finished: Jobs whose results are there.
        job_gib: Memory that the largest job takes [GiB].
        gpus: Names of the GPUs, as CUDA_VISIBLE_DEVICES takes them.
    """

    notes: tuple[str, ...]
    finished: frozenset[str]
    job_gib: float
    gpus: tuple[str, ...]


def job_slots(checked: Checked, jobs: int | None) -> list[dict[str, str]]:
    """The environments of the jobs that can run at the same time: one a GPU, or as memory and cores allow.

    Args:
        checked: What was found.
        jobs: The most that the user wants.
    """
    if checked.gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in checked.gpus[:jobs]]
    memory = min(psutil.virtual_memory().available, memory_limit()) / GIB
    slots = max(1, min(jobs or int(allowed_cores()), int(memory / checked.job_gib)))
    threads = {"TOKENIZERS_PARALLELISM": "false"}
    if "OMP_NUM_THREADS" not in os.environ:
        threads["OMP_NUM_THREADS"] = str(max(1, int(allowed_cores() / slots)))
    return [threads] * slots
