"""Processes of our own kind, for what is to take its own thread, or to give its memory back."""

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

Result = TypeVar("Result")

# On Linux a copy of this process, which shares the memory of all that is loaded; Apple's libraries forbid that.
PROCESSES = get_context("fork") if sys.platform == "linux" else get_context("spawn")


def in_own_process(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function in a process that ends with it, and with all that the function imported; its errors come back."""
    with ProcessPoolExecutor(1, mp_context=PROCESSES) as process:
        return process.submit(function, *arguments).result()


@contextmanager
def shared_memory() -> Iterator[None]:
    """Processes that are started within share the memory until its end: the garbage collector writes nowhere in it."""
    give_memory_back()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def give_memory_back() -> None:
    """Collect what nobody uses, and give it to the system."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
