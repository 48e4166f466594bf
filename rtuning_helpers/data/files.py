"""The kinds of files a data set can be read from, and how they are found in a folder or fetched."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtuning_helpers.data.downloads import PublicFile, cached, fetch
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.rows import Rows, convert_rows
from rtuning_helpers.errors import InputError

if TYPE_CHECKING:
    from rtuning_helpers.data.registry import Dataset

AUTHORS, ORIGINAL, HUB = "authors", "original", "hub"  # layouts: of the R-Tuning authors, the data set's own, the hub's


def _no_notes(path: Path, questions: list[Question]) -> list[str]:
    return []


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        layout: Whose layout it belongs to; all files of a split come from one layout.
        part: Which part of the data set the file is, in words.
        splits: The splits it is loaded into; none for a file that is only checked.
        patterns: Names it goes by, with folders where the name alone says too little; ``*`` stands for anything within
            a name, and upper and lower case are the same.
        rows: Reads the rows of a file, see `rtuning_helpers.data.rows`.
        convert: Gives a question's fields from a row.
        notes: Looks at a file's good rows and neighbours; gives remarks, or raises `InputError`.
        together: Whether several files of the kind make up a split.
        public: Where the files of the kind can be fetched.
    """

    layout: str
    part: str
    splits: tuple[str, ...]
    patterns: tuple[str, ...]
    rows: Callable[[Path], Rows]
    convert: Callable[[Any], dict[str, Any]]
    notes: Callable[[Path, list[Question]], list[str]] = _no_notes
    together: bool = False
    public: tuple[PublicFile, ...] = ()

    def matches(self, path: Path) -> bool:
        """Whether the file goes by one of the names."""
        parts = [part.casefold() for part in path.absolute().parts]
        for pattern in self.patterns:
            wanted = pattern.casefold().split("/")
            if len(parts) >= len(wanted) and all(map(fnmatchcase, parts[-len(wanted) :], wanted)):
                return True
        return False


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and the folders in it, hidden ones aside; a file stands for itself.

    Raises:
        InputError: There is no such folder.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found; expected the folder with the data set's files")
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
    return found


def locate(dataset: Dataset, split: str, folder: Path) -> list[tuple[FileKind, Path]]:
    """The files below a folder that make up a split, all of one layout.

    Raises:
        InputError: None are there, some are missing, or there are several where one is expected.
    """
    kinds = [kind for kind in dataset.kinds if split in kind.splits]
    paths = files_below(folder)
    for layout in dict.fromkeys(kind.layout for kind in kinds):
        found = {kind.patterns: find(kind, paths) for kind in kinds if kind.layout == layout}
        if not any(found.values()):
            continue
        for patterns, files in found.items():
            if not files:
                raise InputError(f"{folder}: no {' or '.join(patterns)}; expected it beside the split's other files")
        return [(kind, path) for kind in kinds if kind.layout == layout for path in found[kind.patterns]]
    names = "; ".join(f"{_shown(kind)} ({kind.layout} layout)" for kind in kinds)
    raise InputError(f"{folder}: no file of {dataset.name}'s split {split!r}; expected {names}")


def find(kind: FileKind, paths: Iterable[Path]) -> list[Path]:
    """The files of a kind.

    Raises:
        InputError: There are several, although one makes up a split.
    """
    found = [path for path in paths if kind.matches(path)]
    if len(found) > 1 and not kind.together:
        raise InputError(f"{found[0]} and {found[1]}: both are the same part of a data set; expected one of them")
    return found


def _shown(kind: FileKind) -> str:
    return kind.patterns[0] if len(kind.patterns) == 1 else f"{kind.patterns[0]} or {kind.patterns[-1]}"


def split_files(dataset: Dataset, split: str, data_dir: Path | None) -> list[tuple[FileKind, Path]]:
    """The files of a split: from a folder, or from the public source where none is named."""
    if data_dir is not None:
        return locate(dataset, split, data_dir)
    public = [(kind, file) for kind in dataset.kinds if split in kind.splits for file in kind.public]
    if any(cached(file) is None for _, file in public):
        print(f"{dataset.name}: licence: {dataset.licence}", file=sys.stderr)
    return [(kind, fetch(file)) for kind, file in public]


def load_files(
    dataset: Dataset, split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None
) -> list[Question]:
    """The questions of a split whose files are read one after the other.

    Raises:
        InputError: A file is missing, cannot be fetched, or has a bad row while ``bad_rows`` is None.
    """
    questions: list[Question] = []
    numbers = count()
    for kind, path in split_files(dataset, split, data_dir):
        questions += convert_rows(dataset.name, split, path, kind.rows(path), kind.convert, bad_rows, numbers)
    return questions
