"""How many threads to compute with: as many as there are processor cores free, for more only wait for each other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psutil

from rtuning_helpers.model.control_groups import cpu_quota

LOOK_SECONDS = 0.1


def allowed_cores() -> float:
    """Processor cores that this process may use: its affinity, or the quota of its control groups if that is lower."""
    return min(float(len(_allowed_numbers()) or os.cpu_count() or 1), cpu_quota())


def free_cores() -> int:
    """Allowed cores that nobody keeps busy at this moment, one at least; looks on for a tenth of a second."""
    busy = psutil.cpu_percent(interval=LOOK_SECONDS, percpu=True)
    mine = [share for number, share in enumerate(busy) if number in _allowed_numbers()] or busy
    return max(1, round(min(sum(1 - share / 100 for share in mine), allowed_cores()) - 0.1))


@cache  # the last digits of a result depend on it
def thread_count() -> int:
    """Threads that this process computes with: what the user set as ``OMP_NUM_THREADS``, else `free_cores`."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdecimal() and int(named) else free_cores()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread meanwhile, whichever library is used."""
    import torch
    from threadpoolctl import threadpool_limits

    before, threads = os.environ.copy(), torch.get_num_threads()
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    thread_count.cache_clear()
    try:
        with threadpool_limits(1):
            torch.set_num_threads(1)
            yield
    finally:
        for name in ("OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
            os.environ.pop(name)
            os.environ |= {name: before[name]} if name in before else {}
        thread_count.cache_clear()
        torch.set_num_threads(threads)


def _allowed_numbers() -> set[int]:
    """Numbers of the cores that this process is bound to; empty where the system does not say (macOS)."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
