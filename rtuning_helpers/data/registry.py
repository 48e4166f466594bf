"""The registry from which every data set is loaded by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.errors import InputError

if TYPE_CHECKING:
    from rtuning_helpers.data.files import FileKind

MIXED = "+"  # between the names of a mixture

Loader = Callable[[str, Path | None, list[InputError] | None], list[Question]]


@dataclass(frozen=True)
class Dataset:
    """A dataset as registered: how to load it, and what a user must know before doing so.

    Attributes:
        name: The name used in ``--dataset``.
        load: ``load(split, data_dir, bad_rows)`` gives the questions of a split; ``bad_rows`` as in `load_questions`.
        needs_data_dir: Whether the user has to supply the files, because no public source has them.
        source: Where the questions come from.
        licence: Under which terms.
        files: File name of each split, for datasets read from a folder.
        splits: The splits that exist.
        kinds: Every kind of file it can be read from; the first of a split is the one to ask for.
        rows: Questions of each split, as published.
        mini_model: Which of the kit's own models answers it where the profile names the mini model.
        members: The data sets that it is a mixture of, where it is one.
    """

    name: str
    load: Loader
    needs_data_dir: bool
    source: str
    licence: str
    files: dict[str, str]
    splits: tuple[str, ...] = ("train", "id", "ood")
    kinds: tuple[FileKind, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    mini_model: str = "mini"
    members: tuple[str, ...] = ()

    @property
    def reads_folder(self) -> bool:
        """Whether a data folder means anything to it."""
        return bool(self.files) or any(find_dataset(name).reads_folder for name in self.members)


_REGISTRY: dict[str, Dataset] = {}


def register(dataset: Dataset) -> Dataset:
    """Make a dataset known by its name; the modules of ``rtuning_helpers.data.datasets`` call this when imported."""
    _REGISTRY[dataset.name] = dataset
    return dataset


def dataset_names() -> list[str]:
    """The names of all registered datasets, in alphabetical order."""
    import_module("rtuning_helpers.data.datasets")
    return sorted(_REGISTRY)


def find_dataset(name: str, option: str = "dataset") -> Dataset:
    """The registered dataset of that name, or the mixture of several: ``"mini-mmlu+mini-fever"``.

    Args:
        name: The name.
        option: The parameter that holds it, for the error.

    Raises:
        InputError: The name is unknown, or those of a mixture cannot be mixed.
    """
    names = dataset_names()
    if MIXED in name:
        return import_module("rtuning_helpers.data.datasets.multitask").mixture(name)
    if name not in names:
        raise InputError(f"parameter {option} {name!r} is unknown: expected one of {', '.join(names)}")
    return _REGISTRY[name]


def check_trainable(name: str, option: str = "dataset") -> None:
    """See to it that a dataset, named by the parameter ``option``, has training questions.

    Raises:
        InputError: It has none, or its name is unknown.
    """
    splits = find_dataset(name, option).splits
    if TRAIN not in splits:
        raise InputError(
            f"parameter {option} {name} has no training questions, only {', '.join(splits)}: nothing can be tuned on "
            "it; expected a data set with a train split (parameter tune_on NAME), or the untuned model alone"
        )


def load_questions(
    name: str,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    bad_rows: list[InputError] | None = None,
) -> list[Question]:
    """Load one split of a dataset.

    Args:
        name: Registered name, for example ``"mini"`` or ``"pararel"``.
        split: One of the data set's splits.
        data_dir: Folder with the files, for datasets that are not part of the kit; without it the files of a public
            dataset are fetched once and kept.
        limit: Keep at most this many questions, evenly spaced over the file so that all relations stay represented.
        bad_rows: A list that gets one error for each bad row; those rows are left out. Without it the first bad row is
            raised.

    Raises:
        InputError: Unknown name or split, missing ``data_dir``, limit below 2, or a bad file (named with its row).
    """
    dataset = find_dataset(name)
    if split not in dataset.splits:
        raise InputError(f"data set {name} has no split {split!r}: expected one of {', '.join(dataset.splits)}")
    if limit is not None and limit < 2:
        raise InputError(f"parameter limit {limit} is too small: expected at least 2 questions a split")
    if dataset.needs_data_dir and data_dir is None:
        expected = ", ".join(dataset.files.values())
        raise InputError(f"parameter dataset {name} needs parameter data_dir: a folder with {expected}")
    questions = dataset.load(split, Path(data_dir) if data_dir is not None else None, bad_rows)
    if not questions:
        raise InputError(f"data set {name}: no good row is left in split {split!r}; expected at least one")
    if limit is None or limit >= len(questions):
        return questions
    return [questions[i * len(questions) // limit] for i in range(limit)]
