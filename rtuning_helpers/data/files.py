"""The kinds of files a data set can be read from, and how they are found below a folder."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.rows import Convert, Rows, read_rows
from rtuning_helpers.errors import InputError

AUTHORS, ORIGINAL, HUB = "authors", "original", "hub"  # layouts: of the R-Tuning authors, the data set's own, the hub's
SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.\w+)")  # name, number from 0, how many, ending


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """A kind of file."""

    splits: tuple[str, ...]  # that it is loaded into; none for a file that is only checked
    # Names it goes by, with the folder where the name says too little; * is anything within a name, case is ignored.
    patterns: tuple[str, ...]
    convert: Convert  # gives a question's fields from a row, see `rows.columns`
    rows: Callable[[Path], Rows] = read_rows  # reads the rows of a file
    layout: str = ORIGINAL  # whose it is; all files of a split come from one layout
    part: str  # of the data set, in words
    # Looks at a file's good rows and neighbours; gives remarks, or raises `InputError`.
    notes: Callable[[Path, list[Question]], list[str]] = lambda path, questions: []
    together: bool = False  # whether several files make up a split
    public: tuple[PublicFile, ...] = ()  # where they can be fetched

    def matches(self, path: Path) -> bool:
        """Whether the file goes by one of the names."""
        parts = [part.casefold() for part in path.absolute().parts]
        for pattern in self.patterns:
            wanted = pattern.casefold().split("/")
            if len(parts) >= len(wanted) and all(map(fnmatchcase, parts[-len(wanted) :], wanted)):
                return True
        return False

    @property
    def shown(self) -> str:
        """The names it goes by, the first and the last of them."""
        return self.patterns[0] if len(self.patterns) == 1 else f"{self.patterns[0]} or {self.patterns[-1]}"


def a_file_each(files: Mapping[str, str | tuple[str, ...]], convert: Convert, **more) -> tuple[FileKind, ...]:
    """The kinds of a layout that has one file for each split, given with its name or the names it can go by."""
    found = {split: (names,) if isinstance(names, str) else names for split, names in files.items()}
    return tuple(FileKind(splits=(s,), patterns=found[s], convert=convert, part=s, **more) for s in found)


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and the folders in it, hidden ones aside; a file stands for itself.

    Links to folders are followed, each real folder once under each of its names, so that a loop of links ends.

    Raises:
        InputError: There is no such folder.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found; expected the folder with the data set's files")
    found: list[Path] = []
    seen: set[tuple[str, str]] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        known = (os.path.realpath(place), os.path.basename(place))
        if known in seen:
            folders.clear()
            continue
        seen.add(known)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
    return found


def locate(name: str, kinds: Iterable[FileKind], split: str, folder: Path) -> list[tuple[FileKind, Path]]:
    """The files below a folder that make up a split of a data set, all of one layout.


    Raises:
        InputError: None are there, some are missing, or there are several where one is expected.
    """
    kinds = [kind for kind in kinds if split in kind.splits]
    paths = files_below(folder) if len(kinds) > 1 or folder.exists() else []
    for layout in dict.fromkeys(kind.layout for kind in kinds):
        of_layout = [kind for kind in kinds if kind.layout == layout]
        found = {kind.patterns: find(kind, paths) for kind in of_layout}
        if not any(found.values()):
            continue
        for patterns, files in found.items():
            if not files:
                raise InputError(f"{folder}: no {' or '.join(patterns)}; expected it beside the split's other files")
        return [(kind, path) for kind in of_layout for path in found[kind.patterns]]
    if len(kinds) == 1 and not set("*/") & set(kinds[0].patterns[0]):
        path = folder / kinds[0].patterns[0]
        what = "cannot be read as a file" if path.exists() else "file not found"
        raise InputError(f"{path}: {what}; expected the split {split!r} of {name}")
    names = "; ".join(f"{kind.shown} ({kind.layout} layout)" for kind in kinds)
    raise InputError(f"{folder}: no file of {name}'s split {split!r}; expected {names}")


def find(kind: FileKind, paths: Iterable[Path]) -> list[Path]:
    """The files of a kind; several links to one file are one.

    Raises:
        InputError: The same part is there twice, or a part is missing.
    """
    found = distinct(kind, paths)
    for first, second in copies(kind, found):
        raise InputError(f"{first} and {second}: both are the same part of a data set; expected one of them")
    check_shards(found)
    return found


def distinct(kind: FileKind, paths: Iterable[Path]) -> list[Path]:
    """The paths that go by a name of the kind, without those that lead to the same file as one before."""
    found: dict[tuple[str, str], Path] = {}
    for path in filter(kind.matches, paths):
        # In the hub's cache two parts with the same content are links to one file.
        found.setdefault((os.path.realpath(path), path.name if kind.together else ""), path)
    return list(found.values())


def copies(kind: FileKind, paths: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Pairs of files of a kind that are the same part of the data set: any two, or any two of one name."""
    first: dict[str, Path] = {}
    pairs = [(first.setdefault(path.name.casefold() if kind.together else "", path), path) for path in paths]
    return [(one, other) for one, other in pairs if one is not other]


def check_shards(paths: Iterable[Path]) -> None:
    """See that files numbered ``-00000-of-00002`` are all there.

    Raises:
        InputError: One is missing, or they belong to several divisions of the data.
    """
    groups: dict[tuple[str, str], dict[str, Path]] = {}
    for path in paths:
        if match := SHARD.fullmatch(path.name):
            groups.setdefault((match[1], match[4]), {})[f"{match[2]}-of-{match[3]}"] = path
    for (stem, ending), there in groups.items():
        counts = sorted({shard[-5:] for shard in there})
        if len(counts) > 1:
            raise InputError(
                f"{next(iter(there.values())).parent}: {stem} is divided into {' and into '.join(counts)} files; "
                "expected the files of one division"
            )
        missing = [i for i in range(int(counts[0])) if f"{i:05d}-of-{counts[0]}" not in there]
        if missing:
            raise InputError(
                f"{next(iter(there.values()))}: one of {int(counts[0])} files, and {stem}-{missing[0]:05d}-of-"
                f"{counts[0]}{ending} is not there; expected all of them"
            )
