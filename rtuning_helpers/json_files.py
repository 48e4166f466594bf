"""JSON and JSON lines: written whole or not at all, read with one clear line for everything that can be wrong.

A line ends at a line feed and nowhere else: U+2028, U+0085 and their like, where `str.splitlines` cuts too, may stand
inside a JSON string.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TypeVar

from rtuning_helpers.errors import InputError

Record = TypeVar("Record")


def read_text(path: Path, expected: str) -> str:
    """A file's UTF-8 text with its line ends as they stand (a byte-order mark is accepted).

    Args:
        path: The file.
        expected: What it should hold, for the error message.

    Raises:
        InputError: It is missing, cannot be read, or is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except FileNotFoundError:
        raise InputError(f"{path}: file not found; expected {expected}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected a file: {expected}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error}); expected {expected}") from None


def read_lines(path: Path, expected: str) -> list[str]:
    """The lines of a text file, blank ones at its end left out; see `read_text`."""
    return read_text(path, expected).rstrip().split("\n")


def read_json_array(path: Path) -> list:
    """Parse a file that holds exactly one JSON array (a byte-order mark is accepted).

    Raises:
        InputError: The file is missing, unreadable, truncated, not UTF-8, holds two documents, or is not an array.
    """
    text = read_text(path, "a JSON array")
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        if error.msg == "Extra data":
            raise InputError(f"{path}: a second JSON document starts at {place}; expected one JSON array") from None
        what = f"not valid JSON at {place} ({error.msg}); the file may be truncated"
        raise InputError(f"{path}: {what}, expected one complete JSON array") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise InputError(f"{path}: not usable JSON ({error}); expected one JSON array of rows") from None
    if not isinstance(rows, list):
        raise InputError(f"{path}: holds a JSON {type(rows).__name__}; expected a JSON array")
    if not rows:
        raise InputError(f"{path}: the array is empty; expected at least one row")
    return rows


def excerpt(value: object, width: int = 80) -> str:
    """A value as JSON, shortened for an error message; what is no printable character is escaped, so it is one line."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= width else text[: width - 3] + "..."


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that stands under its name only once it is written whole; what was there before stays until then."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a file atomically, in UTF-8; a lone surrogate, which cannot be UTF-8, becomes its JSON escape."""
    with replacing(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN is refused."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that a step wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Write dataclasses or dictionaries as JSON lines, atomically."""
    rows = (record if isinstance(record, dict) else asdict(record) for record in records)
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Read JSON lines that a step wrote, as dataclasses of the given kind."""
    return [kind(**json.loads(line)) for line in read_lines(path, "JSON lines") if line]
