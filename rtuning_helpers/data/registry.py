"""The registry from which every data set is loaded by name; ``rtuning_helpers.data.datasets`` declares them."""

import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path

from rtuning_helpers.data import datasets
from rtuning_helpers.data.downloads import cached, fetch
from rtuning_helpers.data.files import FileKind, locate
from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.data.rows import convert_rows
from rtuning_helpers.errors import InputError

MIXED = "+"  # between the names of a mixture

Loader = Callable[[str, Path | None, list[InputError] | None], list[Question]]


@dataclass(frozen=True)
class Popularity:
    """A column that counts how well known the thing is that a question asks about."""

    column: str
    meaning: str  # what is counted, for the axis of a figure


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The declaration of a data set."""

    name: str  # as in ``--dataset``
    source: str  # where the questions come from
    licence: str  # under which terms
    rows: dict[str, int | None]  # splits, and how many questions each has as published; None: nobody says
    kinds: tuple[FileKind, ...] = ()  # kinds of file it can be read from; the first of a split is the one to ask for
    load: Loader | None = None  # gives a split, where reading its files one after the other is not enough
    mini_model: str = "mini"  # which of the kit's own models answers it where the profile names the mini model
    members: tuple[str, ...] = ()  # of a mixture
    popularity: Popularity | None = None  # where its files count one, see `data.popularity`

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that exist."""
        return tuple(self.rows)

    @property
    def needs_data_dir(self) -> bool:
        """Whether the user has to supply the files, because no public source has them."""
        return bool(self.kinds) and not any(kind.public for kind in self.kinds)

    @property
    def reads_folder(self) -> bool:
        """Whether a data folder means anything to it."""
        return bool(self.kinds) or any(find_dataset(name).reads_folder for name in self.members)

    def asked_for(self) -> list[str]:
        """The file to ask the user for, of each split."""
        return [next(kind.patterns[0] for kind in self.kinds if split in kind.splits) for split in self.splits]

    def files(self, split: str, data_dir: Path | None) -> list[tuple[FileKind, Path]]:
        """The files of a split: from a folder, or from the public source where none is named."""
        if data_dir is not None:
            return locate(self.name, self.kinds, split, data_dir)
        public = [(kind, file) for kind in self.kinds if split in kind.splits for file in kind.public]
        if any(cached(file) is None for _, file in public):
            print(f"{self.name}: licence: {self.licence}", file=sys.stderr)
        return [(kind, fetch(file)) for kind, file in public]

    def read(self, split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
        """The questions of a split whose files are read one after the other.

        Raises:
            InputError: A file is missing, cannot be fetched, or has a bad row while ``bad_rows`` is None.
        """
        questions: list[Question] = []
        numbers = count()
        for kind, path in self.files(split, data_dir):
            questions += convert_rows(self.name, split, path, kind.rows(path), kind.convert, bad_rows, numbers)
        return questions


_REGISTRY: dict[str, Dataset] = {}


def register(dataset: Dataset) -> Dataset:
    """Make a data set known by its name; the modules of ``rtuning_helpers.data.datasets`` call this when imported.

    Raises:
        InputError: There is one of that name.
    """
    if dataset.name in _REGISTRY:
        raise InputError(f"data set {dataset.name} is declared twice; expected each name once")
    _REGISTRY[dataset.name] = dataset
    return dataset


def dataset_names() -> list[str]:
    """The names of all data sets, in alphabetical order."""
    for module in pkgutil.iter_modules(datasets.__path__):
        import_module(f"{datasets.__name__}.{module.name}")
    return sorted(_REGISTRY)


def find_dataset(name: str, option: str = "dataset") -> Dataset:
    """The data set of that name, or the mixture of several: ``"mini-mmlu+mini-fever"``.

    Args:
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
        data_dir: Folder with the files, for datasets that are not part of the kit; without it the files of a public
            dataset are fetched once and kept.
        limit: Keep at most this many questions, evenly spaced over the file so that all relations stay represented.
        bad_rows: A list that gets one error for each bad row; those rows are left out. Without it the first bad row is
            raised.

    Raises:
        InputError: Unknown name or split, missing ``data_dir``, limit below 2, a bad file (named with its row), or
            more questions than the data set has.
    """
    dataset = find_dataset(name)
    if split not in dataset.splits:
        raise InputError(f"data set {name} has no split {split!r}: expected one of {', '.join(dataset.splits)}")
    if limit is not None and limit < 2:
        raise InputError(f"parameter limit {limit} is too small: expected at least 2 questions a split")
    if dataset.needs_data_dir and data_dir is None:
        expected = ", ".join(dataset.asked_for())
        raise InputError(f"parameter dataset {name} needs parameter data_dir: a folder with {expected}")
    load = dataset.load or dataset.read
    questions = load(split, Path(data_dir) if data_dir is not None else None, bad_rows)
    if not questions:
        raise InputError(f"data set {name}: no good row is left in split {split!r}; expected at least one")
    check_count(dataset, (split,), len(questions), str(data_dir))
    if limit is None or limit >= len(questions):
        return questions
    return [questions[i * len(questions) // limit] for i in range(limit)]


def check_count(dataset: Dataset, splits: tuple[str, ...], found: int, where: str) -> int | None:
    """See that some splits together hold no more rows than were published.

    Returns:
        How many were published; None where nobody says, or where the questions are the kit's own.

    Raises:
        InputError: There are more.
    """
    counts = [dataset.rows[split] for split in splits]
    published = sum(n for n in counts if n is not None)
    if not dataset.kinds or not counts or None in counts:
        return None
    if found > published:
        raise InputError(
            f"{where}: {found:,} rows of {dataset.name}'s {' and '.join(splits)} where {published:,} were published; "
            "expected no more: some of them are there twice"
        )
    return published
