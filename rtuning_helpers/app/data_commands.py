"""``rtuning data list`` and ``rtuning data check``: which data sets there are, and whether files can be used."""

import os
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from rtuning_helpers.app import reports
from rtuning_helpers.errors import InputError, for_command_line

if TYPE_CHECKING:
    from rtuning_helpers.data.files import FileKind
    from rtuning_helpers.data.registry import Dataset

SHOWN_BAD_ROWS = 20  # of one file

data = typer.Typer(help="The data sets: what there is, and whether files can be used.", rich_markup_mode=None)


@dataclass
class CheckedFile:
    """What was found in a file of a data set."""

    dataset: "Dataset"
    kind: "FileKind"
    path: Path
    rows: int = 0  # good ones
    unanswerable: int = 0  # of those
    notes: list[str] = field(default_factory=list)
    bad_rows: list[InputError] = field(default_factory=list)
    problem: str = ""  # why the file as a whole cannot be used


def check_file(dataset: "Dataset", kind: "FileKind", path: Path) -> CheckedFile:
    """Read a file to its end and note everything that is wrong with it."""
    from rtuning_helpers.data.rows import convert_rows

    found = CheckedFile(dataset, kind, path)
    try:
        questions = convert_rows(dataset.name, kind.part, path, kind.rows(path), kind.convert, found.bad_rows)
        found.rows, found.unanswerable = len(questions), sum(not question.answerable for question in questions)
        found.notes = [*kind.notes(path, questions), *reports.unreachable_notes(questions)]
    except InputError as error:
        found.problem = for_command_line(str(error))
    return found


def check_folder(folder: Path, datasets: list["Dataset"]) -> tuple[list[CheckedFile], int]:
    """What was found in every known file below a folder, in the order of the data sets, and the number of others.

    Raises:
        InputError: There is no such folder, or no known file in it.
    """
    from rtuning_helpers.data.files import distinct, files_below

    paths = files_below(folder)
    known = {path: (ds, kind) for ds in reversed(datasets) for kind in ds.kinds for path in distinct(kind, paths)}
    if not known:
        names = ", ".join(dataset.name for dataset in datasets if dataset.kinds)
        raise InputError(f"{folder}: no file of a known data set; expected files of one or more of {names}")
    order = {dataset.name: number for number, dataset in enumerate(datasets)}
    found = [check_file(*known[path], path) for path in sorted(known, key=lambda p: (order[known[p][0].name], p))]
    check_together(found, folder)
    return found, len({*map(os.path.realpath, paths)} - {*map(os.path.realpath, known)})


def check_together(found: list[CheckedFile], folder: Path) -> None:
    """Note what is wrong with files only beside each other: parts that are there twice, missing, or more than all."""
    from rtuning_helpers.data.files import check_shards, copies
    from rtuning_helpers.data.registry import check_count

    twice = set()
    for files in _grouped(found, lambda file: (file.dataset.name, file.kind.layout, file.kind.part)):
        by_path = {file.path: file for file in files}
        for one, other in copies(files[0].kind, by_path):
            twice.add(files[0].kind)
            by_path[other].notes.append(
                f"the same part of {files[0].dataset.name} as {_below(one, folder)}; a run takes one of them only: "
                "name its folder"
            )
        if files[0].kind not in twice:
            _blame(files[0], check_shards, by_path)
    for files in _grouped(found, lambda file: (file.dataset.name, file.kind.layout, file.kind.splits)):
        first, rows = files[0], sum(file.rows + len(file.bad_rows) for file in files)
        if first.kind.splits and not any(file.problem or file.kind in twice for file in files):
            published = _blame(first, check_count, first.dataset, first.kind.splits, rows, str(first.path))
            if published is not None and rows < published:
                of, place = " and ".join(first.kind.splits), f" in {len(files)} files" if len(files) > 1 else ""
                first.notes.append(f"{rows:,}{place} of the {published:,} rows of {of} as published")


def _grouped(found: list[CheckedFile], key: Callable[[CheckedFile], Hashable]) -> list[list[CheckedFile]]:
    groups: dict[Hashable, list[CheckedFile]] = {}
    for file in found:
        groups.setdefault(key(file), []).append(file)
    return list(groups.values())


def _blame(file: CheckedFile, check: Callable[..., Any], *arguments: Any) -> Any:
    """What a check gives; what it raises becomes the file's problem, where it has none yet."""
    try:
        return check(*arguments)
    except InputError as error:
        file.problem = file.problem or str(error)
        return None


def present(dataset: "Dataset", data_dir: Path | None) -> str:
    """Whether a data set can be loaded without a connection, in words."""
    from rtuning_helpers.data.downloads import cached

    if not dataset.kinds:
        return "part of the kit"
    if data_dir is not None:
        there = []
        for split in dataset.splits:
            try:
                dataset.files(split, data_dir)
                there.append(split)
            except InputError:
                continue
        return ", ".join(there) or "no"
    files = [file for kind in dataset.kinds for file in kind.public]
    if not files:
        return "needs --data-dir"
    fetched = sum(cached(file) is not None for file in files)
    return "fetched" if fetched == len(files) else "not fetched" if not fetched else f"{fetched} of {len(files)} files"


@data.command("list")
def data_list(
    data_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Look there instead of in the cache.")] = None,
) -> None:
    """Show every data set, and whether it is here.

    Works without a connection. Rows: as published.
    """
    from rtuning_helpers.data.downloads import cache_folder

    if data_dir is not None and not data_dir.exists():
        raise InputError(f"--data-dir {data_dir}: folder not found; expected a folder with data sets")
    where = "the cache" if data_dir is None else "the folder"
    headings = ["data set", "rows", "licence", "source", "here"]
    found = []
    for dataset in _all_datasets():
        rows = "\n".join(
            f"{split} ?" if count is None else f"{split} {count:,}" for split, count in dataset.rows.items()
        )
        found.append((dataset.name, rows, dataset.licence, dataset.source, present(dataset, data_dir)))
    shown = reports.long_rows(headings, found, 1, caption=f"Here: in {where}.")
    reports.new_console(reports.LIST_WIDTH).print(shown)
    if data_dir is None:
        print(f"Cache: {_home_hidden(cache_folder())} (RTUNING_CACHE names another)")


@data.command("check")
def data_check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with files, in any layout.")],
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Bad rows are no failure: count and list them.")
    ] = False,
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="Only this data set's files.")] = None,
) -> None:
    """Check every known file in a folder, row by row.

    Exit status 0 if all are good, else 2.
    """
    from rtuning_helpers.data.registry import find_dataset

    datasets = _all_datasets() if dataset is None else [find_dataset(dataset)]
    with reports.waiting("checking"):
        found, others = check_folder(folder, datasets)
    reports.new_console(reports.LIST_WIDTH).print(checked_table(found, folder))
    for file in found:
        for note in file.notes:
            print(f"note: {_below(file.path, folder)}: {note}")
    kind = "left out" if skip_bad_rows else "error"
    for line in bad_lines(found):
        print(f"rtuning: {kind}: {line}", file=sys.stderr)
    for file in found:
        if file.problem:
            print(f"rtuning: error: {file.problem}", file=sys.stderr)
    bad, unusable = sum(len(file.bad_rows) for file in found), sum(bool(file.problem) for file in found)
    print(
        f"{len(found)} files: {sum(file.rows for file in found):,} good rows, {bad:,} "
        f"{'left out' if skip_bad_rows else 'bad'}, {unusable} files that cannot be used; {others} other files"
    )
    if unusable or (bad and not skip_bad_rows):
        raise typer.Exit(2)


def checked_table(found: list[CheckedFile], folder: Path) -> Table:
    """A row for each file, and a total for data sets whose files make up one split."""
    numbers = ["good rows", "answerable", "unanswerable", "bad rows"]
    table = reports.new_table(["data set", "part", "layout"], numbers, padding=(0, 1, 0, 0))
    table.add_column("file", overflow="fold")
    for files in _grouped(found, lambda file: (file.dataset.name, file.kind.layout)):
        name, layout = files[0].dataset.name, files[0].kind.layout
        mixed = any(file.unanswerable for file in files)
        for file in files:
            cells = (name, file.kind.part, layout, *_counts([file], mixed), escape(_below(file.path, folder)))
            table.add_row(*cells, style="red" if file.problem or file.bad_rows else None)
        if len(files) > 1 and files[0].dataset.splits == ("test",):
            table.add_row(name, "total", layout, *_counts(files, mixed), "")
    return table


def _counts(files: list[CheckedFile], mixed: bool) -> tuple[str, str, str, str]:
    rows, bad = sum(file.rows for file in files), sum(len(file.bad_rows) for file in files)
    unanswerable = sum(file.unanswerable for file in files)
    kinds = (f"{rows - unanswerable:,}", f"{unanswerable:,}") if mixed else ("", "")
    return f"{rows:,}", *kinds, f"{bad:,}"


def bad_lines(found: list[CheckedFile]) -> Iterator[str]:
    """One line for each bad row; of each file the first, and the number of the others."""
    for file in found:
        yield from (" ".join(str(error).split()) for error in file.bad_rows[:SHOWN_BAD_ROWS])
        if len(file.bad_rows) > SHOWN_BAD_ROWS:
            yield f"{file.path}: {len(file.bad_rows) - SHOWN_BAD_ROWS:,} more bad rows"


def _all_datasets() -> list["Dataset"]:
    from rtuning_helpers.data.registry import dataset_names, find_dataset

    return [find_dataset(name) for name in dataset_names()]


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path != folder else path.name


def _home_hidden(path: Path) -> str:
    return f"~/{path.relative_to(Path.home()).as_posix()}" if path.is_relative_to(Path.home()) else path.as_posix()
