"""How well known the thing is that a question asks about, where the files of its data set count that.

It is no field of a question, since no model is told of it: whoever draws P(sure) against it reads the column again. Its
twin in the mini world is the exposure, which counts what a model has read itself; a popularity only goes along with it.
"""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Protocol

from rtuning_helpers.data.registry import MIXED, find_dataset
from rtuning_helpers.data.rows import BadRowError, count_field, row_id
from rtuning_helpers.errors import InputError

EXPOSURE = "documents in the corpus that state the fact"


class _Asked(Protocol):
    """A question, or what a model answered to it."""

    @property
    def id(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def exposure(self) -> int | None: ...


def popularities(name: str, split: str, data_dir: str | Path | None = None) -> dict[str, int]:
    """The popularity of each question of a split by the question's id; empty where the data set counts none.

    Rows whose popularity is bad are left out; `registry.load_questions` names them.

    Raises:
        InputError: A file is missing, or cannot be fetched.
    """
    dataset = find_dataset(name)
    if dataset.popularity is None:
        return {}
    found, numbers = {}, count()
    for kind, path in dataset.files(split, Path(data_dir) if data_dir is not None else None):
        for (_, row), number in zip(kind.rows(path), numbers, strict=False):
            try:
                found[row_id(name, split, number)] = count_field(row, dataset.popularity.column)
            except (BadRowError, KeyError, TypeError):
                continue
    return found


def how_known(asked: Sequence[_Asked], data_dir: str | Path | None = None) -> tuple[list[int], str] | None:
    """How well known each question's fact is: its exposure, or where nobody knows that the popularity of its subject.

    Args:
        asked: Questions or predictions, all of one data set and split.
        data_dir: Folder with the data set's files.

    Returns:
        The counts and what they count; None where neither is known of all of them.

    Raises:
        InputError: A file is missing or cannot be fetched; or the questions are of several data sets or splits.
    """
    exposures = [q.exposure for q in asked if q.exposure is not None]
    if asked and len(exposures) == len(asked):
        return exposures, EXPOSURE
    sources = sorted({(q.dataset, q.split) for q in asked})
    if len(sources) > 1:
        names = ", ".join(f"{name} {split}" for name, split in sources)
        raise InputError(f"questions are of {names}; expected one data set and split, whose popularities can be read")
    for name, split in sources:
        dataset = None if MIXED in name else find_dataset(name)
        if dataset is not None and dataset.popularity is not None:
            by_id = popularities(name, split, data_dir)
            if all(q.id in by_id for q in asked):
                return [by_id[q.id] for q in asked], dataset.popularity.meaning
    return None
