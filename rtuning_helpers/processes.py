"""Processes of our own kind, for what is to take its own thread, or to give its memory back."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from threading import Thread
from typing import TypeVar

import psutil

Result = TypeVar("Result")
LOOK_SECONDS = 0.5
WINDOWS = os.name == "nt"

# On Linux a copy of this process, which shares the memory of all that is loaded; Apple's libraries forbid that. Such a
# copy computes with one thread: OpenMP's other threads are not copied, and waiting for them never ends.
PROCESSES = get_context("fork") if sys.platform == "linux" else get_context("spawn")


def in_own_process(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function in a new process, which ends with it and with all that it imported; its errors come back.

    It ends, too, when this process is killed.

    Raises:
        RuntimeError: The process died.
    """
    new = get_context("spawn")  # no copy, for it computes with all threads
    try:
        with ProcessPoolExecutor(1, mp_context=new, initializer=_end_early, initargs=(os.getpid(),)) as process:
            return process.submit(function, *arguments).result()
    except BrokenProcessPool as error:
        raise RuntimeError(f"{function.__name__.strip('_')}: its process was killed, or ran out of memory") from error


def _end_early(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # without a traceback
    end_with(parent)


@contextmanager
def shared_memory() -> Iterator[None]:
    """Processes that are started within share the memory until its end: the garbage collector writes nowhere in it."""
    give_memory_back()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def memory_given_back() -> Iterator[None]:
    """Collect at the end what nobody uses any more; as a decorator, all that a function has used."""
    try:
        yield
    finally:
        give_memory_back()


def give_memory_back() -> None:
    """Collect what nobody uses, and give it to the system."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def end_with(parent: int) -> None:
    """From now on end this process, without a word, as soon as the one with that number has gone.

    Args:
        parent: Number of the process that started this one.
    """
    Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    is_there = _is_there(parent) if WINDOWS else lambda: os.getppid() == parent
    while is_there():
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def _is_there(number: int) -> Callable[[], bool]:
    """Whether a process is there: for Windows, where the parent may be a launcher, and its number never changes."""
    try:
        return psutil.Process(number).is_running
    except psutil.NoSuchProcess:
        return lambda: False


def end_group(process: subprocess.Popen, number: signal.Signals) -> None:
    """Send a signal to a process that leads a session, and to all that it started; on Windows end them."""
    if not WINDOWS:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        return
    with suppress(psutil.NoSuchProcess):
        leader = psutil.Process(process.pid)
        for each in (*leader.children(recursive=True), leader):
            with suppress(psutil.NoSuchProcess):
                each.kill()
