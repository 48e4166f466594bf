"""Questions that several processes answer together, none lost and none twice."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from rtuning_helpers import ranks

Row = TypeVar("Row")
Result = TypeVar("Result")


def share_out(rows: Sequence[Row], work: Callable[[Sequence[Row]], Sequence[Result]]) -> list[Result]:
    """What ``work`` makes of the rows, in their order; each process does every n-th of them, and gets all results.

    Neighbours are often of about the same length, so that all processes take about as long.

    Args:
        rows: The same in all processes.
        work: Gives one result a row, in their order. One process alone calls it with all rows.

    Raises:
        RuntimeError: Something is missing or there twice; the message says which rows.
    """
    if ranks.count() == 1:
        return list(work(rows))
    mine = range(ranks.number(), len(rows), ranks.count())
    found = work([rows[i] for i in mine]) if mine else []
    return merged(len(rows), ranks.gathered(list(zip(mine, found, strict=True))))


def merged(count: int, parts: Sequence[Sequence[tuple[int, Result]]]) -> list[Result]:
    """Parts of so many results, each with its place, put together.

    Raises:
        RuntimeError: A place is missing, there twice, or beyond the end.
    """
    times = Counter(place for part in parts for place, _ in part)
    if wrong := [place for place in sorted({*range(count), *times}) if times[place] != (place < count)]:
        told = ", ".join(f"row {place} {times[place]} times" for place in wrong[:3])
        raise RuntimeError(f"{len(parts)} processes: {told}; expected each of {count:,} rows once")
    found = dict(pair for part in parts for pair in part)
    return [found[place] for place in range(count)]
