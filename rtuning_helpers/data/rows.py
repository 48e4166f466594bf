"""Rows of files that strangers wrote: each format read row by row, every bad row named in one line.

A reader yields ``(place, value)`` for each row; a line that cannot be parsed gives a `BadRowError` in the value's
stead, so that the rows around it can still be used.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from rtuning_helpers.data.questions import CLAIM, Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt, read_json_array, read_text

Rows = Iterable[tuple[str, Any]]
Convert = Callable[[Any], dict[str, Any]]


class BadRowError(ValueError):
    """What is wrong with a row and what was expected; the reader adds the file and the row's place."""


def convert_rows(
    dataset: str,
    split: str,
    path: Path,
    rows: Rows,
    convert: Convert,
    bad_rows: list[InputError] | None = None,
    numbers: Iterator[int] | None = None,
) -> list[Question]:
    """Make questions of the rows of a file.

    Args:
        convert: Gives a question's fields from a row's value, or raises `BadRowError`; the relation is the data set's
            name where it gives none.
        bad_rows: Gets an error for each bad row, which is then left out; without it the first bad row is raised.
        numbers: Gives each row its number, from 0 where None; one iterator counts on where several files make a
            split. A question's id is its row's number, whether or not rows before it are left out.

    Raises:
        InputError: A bad row, with its file and place.
    """
    questions = []
    for (place, value), number in zip(rows, count() if numbers is None else numbers, strict=False):
        try:
            if isinstance(value, BadRowError):
                raise value
            found = {"relation": dataset, **convert(value)}
            _check_characters(found)
            questions.append(Question(id=row_id(dataset, split, number), dataset=dataset, split=split, **found))
        except BadRowError as problem:
            error = InputError(f"{path}: {place} {problem}")
            if bad_rows is None:
                raise error from None
            bad_rows.append(error)
    return questions


def row_id(dataset: str, split: str, number: int) -> str:
    """The id of the question in a row, counted from 0 over the files of a split."""
    return f"{dataset}-{split}-{number:05d}"


def _check_characters(found: dict[str, Any]) -> None:
    """Refuse half a character, a surrogate without its partner: JSON can spell one, no tokenizer takes it."""
    for name, value in found.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and any("\ud800" <= char <= "\udfff" for char in text):
                raise BadRowError(f"has {name} {excerpt(text)} with a lone surrogate; expected whole characters")


# Formats


def read_rows(path: Path) -> Rows:
    """The rows of a file of the format that its name ends in: .json (an array), .jsonl, .csv, .tsv or .parquet."""
    readers: dict[str, Callable[[Path], Rows]] = {".json": json_array_rows, ".jsonl": json_lines_rows}
    readers |= {".csv": csv_rows, ".tsv": tsv_rows, ".parquet": parquet_rows}
    return readers[path.suffix.lower()](path)


def json_array_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The elements of the one JSON array in a file."""
    for number, value in enumerate(read_json_array(path), start=1):
        yield f"row {number}", value


def json_lines_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The JSON documents of a file with one on each line (blank lines aside)."""
    text = read_text(path, "JSON lines, one object on each line")
    if text.lstrip()[:1] == "[":
        raise InputError(f"{path}: holds a JSON array; expected JSON lines, one object on each line")
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise InputError(f"{path}: the file is empty; expected JSON lines, one object on each line")
    if lines[0][1].strip() == "{":
        raise InputError(f"{path}: holds one JSON object over several lines; expected one object on each line")
    for number, line in lines:
        try:
            yield f"line {number}", json.loads(line)
        except (ValueError, RecursionError) as error:
            problem = f"is {excerpt(line)}: not valid JSON ({error}); expected one whole JSON object"
            yield f"line {number}", BadRowError(problem)


def json_array_or_lines_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """A file that comes as JSON array or as JSON lines, whichever it is."""
    array = read_text(path, "a JSON array or JSON lines").lstrip()[:1] == "["
    yield from json_array_rows(path) if array else json_lines_rows(path)


def read_json_object(path: Path, expected: str) -> dict[str, Any]:
    """The one JSON object in a file."""
    text = read_text(path, expected)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = "a second JSON document follows" if "Extra data" in str(error) else "truncated?"
        raise InputError(f"{path}: not one valid JSON document ({error}; {hint}); expected {expected}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds a JSON {type(value).__name__}; expected {expected}")
    return value


def tsv_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of a file with a header line whose cells stand between tabs, quoted as in CSV, as dictionaries."""
    yield from csv_rows(path, delimiter="\t")


def csv_rows(path: Path, header: tuple[str, ...] = (), delimiter: str = ",") -> Iterator[tuple[str, Any]]:
    """The rows of a CSV file with a header line, as dictionaries; it must be exactly ``header`` where that is given."""
    for number, cells in csv_cells(path, header, delimiter):
        if number == 1:
            if header and tuple(cells) != header:
                raise InputError(f"{path}: the header is {excerpt(cells)}; expected {','.join(header)}")
            header = tuple(cells)
        elif len(cells) != len(header):
            problem = f"is {excerpt(cells)}; expected {len(header)} cells: {','.join(header)}"
            yield f"row {number - 1}", BadRowError(problem)
        else:
            yield f"row {number - 1}", dict(zip(header, cells, strict=True))


def csv_cells(path: Path, columns: tuple[str, ...], delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file, numbered from 1; empty lines are left out."""
    kind = "CSV" if delimiter == "," else "TSV"
    expected = f"{kind} with the columns {','.join(columns)}" if columns else f"{kind} with a header line"
    text = read_text(path, expected)
    if not text.strip():
        raise InputError(f"{path}: the file is empty; expected {expected}")
    try:
        records = [
            record for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if record
        ]
    except csv.Error as error:
        raise InputError(
            f"{path}: not valid {kind} ({error}); the file may be truncated, expected {expected}"
        ) from None
    yield from enumerate(records, start=1)


def parquet_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of a parquet file, as dictionaries."""
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                for value in batch.to_pylist():
                    number += 1
                    yield f"row {number}", value
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); expected a parquet file") from None


# Fields


def columns(
    question: str | int = "question", answer: str | int = "answer", relation: str | int | None = None
) -> Convert:
    """How rows that need no more become open questions: the ``convert`` of a simple data set.

    Args:
        question: Name of the column, or its place from 0 where rows are lists.
        answer: The same; a list of right answers will do, the first being the gold and the others aliases.
        relation: The same, of the kind of fact asked for; without it that is the data set's name.
    """
    names = (question, answer) if relation is None else (question, answer, relation)

    def convert(row: Any) -> dict[str, Any]:
        found = fields_of(dict(enumerate(row)) if isinstance(row, list) else row, names)
        told = golds(found, answer) if isinstance(found[answer], list) else {"answer": one_answer(found, answer)}
        about = {} if relation is None else {"relation": text_field(found, relation).strip()}
        return {"question": text_field(found, question), **told, **about}

    return convert


def fields_of(row: Any, names: tuple[str | int, ...]) -> dict[Any, Any]:
    """The row, if it is an object with all of these fields."""
    wanted = ", ".join(map(str, names))
    if not isinstance(row, dict):
        raise BadRowError(f"is {excerpt(row)}; expected an object with {wanted}")
    missing = [str(name) for name in names if name not in row]
    if missing:
        raise BadRowError(f"has no {', '.join(missing)}: {excerpt(row)}; expected an object with {wanted}")
    return row


def text_field(row: dict[Any, Any], name: str | int) -> str:
    """A field that must be a string with something in it."""
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise BadRowError(f"has {name} {excerpt(value)}; expected a non-empty string")
    return value


def one_answer(row: dict[Any, Any], name: str | int) -> str:
    """A field that must be the only right answer."""
    if isinstance(row[name], list):
        raise BadRowError(f"has several golds, {name} {excerpt(row[name])}; expected one string")
    return text_field(row, name).strip()


def golds(row: dict[Any, Any], name: str | int) -> dict[str, Any]:
    """Answer and aliases from a field that must be a list of right answers."""
    first, *others = (text.strip() for text in texts_field(row, name) if text.strip())
    return {"answer": first, "aliases": tuple(others)}


def label_field(row: dict[str, Any], name: str, labels: tuple[Any, ...]) -> Any:
    """A field that must be exactly one of some labels."""
    value = row[name]
    if isinstance(value, list):
        raise BadRowError(f"has several golds, {name} {excerpt(value)}; expected one of {', '.join(map(str, labels))}")
    if not any(type(value) is type(label) and value == label for label in labels):
        raise BadRowError(f"has {name} {excerpt(value)}; expected one of {', '.join(map(str, labels))}")
    return value


def count_field(row: dict[Any, Any], name: str | int) -> int:
    """A field that must be a whole number of at least 0, as a number or, in tables of text, as its digits."""
    value = row[name]
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise BadRowError(f"has {name} {excerpt(value)}; expected a whole number of at least 0")


def claim(fields: dict[Any, Any], classes: tuple[str, ...], context: str) -> dict[str, Any]:
    """The fields of a claim task, from a row with ``claim`` and ``label``, one of the classes."""
    letter = "ABC"[classes.index(label_field(fields, "label", classes))]
    asked = {"question": text_field(fields, "claim"), "answer": letter, "relation": "claim", "context": context}
    return {**asked, "task": CLAIM, "options": classes}


def texts_field(row: dict[Any, Any], name: str | int) -> list[str]:
    """A field that must be a list of strings of which at least one is not blank."""
    value = row[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRowError(f"has {name} {excerpt(value)}; expected a list of strings")
    if not any(item.strip() for item in value):
        raise BadRowError(f"has empty {name} {excerpt(value)}; expected at least one sentence")
    return value
