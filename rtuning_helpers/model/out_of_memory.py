"""Batches that do not fit into memory, and smaller ones in their place."""

import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from tqdm import tqdm

from rtuning_helpers.errors import InputError
from rtuning_helpers.processes import give_memory_back

Result = TypeVar("Result")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on any kind of device."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    from accelerate.utils.memory import should_reduce_batch_size  # what other devices say

    return isinstance(error, Exception) and should_reduce_batch_size(error)


def forget_what_failed(told: str) -> None:
    """Give back the memory of what was tried, and say what comes next.

    Call it outside of the handler: the error holds on to all that the batch held.

    Args:
        told: One line for the user.
    """
    give_memory_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
    tqdm.write(told, file=sys.stderr)


def backing_off(work: Callable[[int], Result], batch_size: int, what: str = "texts") -> Result:
    """Do some work in batches; where memory does not suffice, once more in batches of half the size.

    Args:
        work: Gets a batch size. It may keep what it has done, and do only the rest when it is called again.
        batch_size: With which to begin.
        what: What a batch is made of, for the user.

    Raises:
        InputError: Memory does not even suffice for one.
    """
    while True:
        try:
            return work(batch_size)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise InputError(
                    f"memory ran out with 1 of the {what} at a time; expected a smaller model, shorter prompts, or a "
                    "device with more memory"
                ) from None
        forget_what_failed(f"memory ran out with {batch_size} {what} at a time; going on with {batch_size // 2}")
        batch_size //= 2


def each_in_batches(
    work: Callable[[list[int], int], Iterator[tuple[int, Result]]], count: int, batch_size: int, what: str = "texts"
) -> list[Result]:
    """As `backing_off` for something that is done row by row: what is done is kept.

    Args:
        work: Gets the numbers of the rows that are still to be done, and a batch size; gives results with their rows.
        count: Rows.
        batch_size, what: See `backing_off`.

    Returns:
        The results in the order of the rows.
    """
    found: dict[int, Result] = {}

    def rest(batch_size: int) -> None:
        for row, result in work([row for row in range(count) if row not in found], batch_size):
            found[row] = result

    backing_off(rest, batch_size, what)
    return [found[row] for row in range(count)]
