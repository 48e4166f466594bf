"""Read JSON that a stranger wrote: one clear line for everything that can be wrong with the file."""

from __future__ import annotations

import json
from pathlib import Path

from rtuning_helpers.errors import InputError


def read_json_array(path: Path) -> list:
    """Parse a file that holds exactly one JSON array (a byte-order mark is accepted).

    Raises:
        InputError: The file is missing, unreadable, truncated, not UTF-8, holds two documents, or is not an array.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: file not found; expected a JSON array") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error}); expected a JSON array") from None
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        if error.msg == "Extra data":
            raise InputError(f"{path}: a second JSON document starts at {place}; expected one JSON array") from None
        raise InputError(
            f"{path}: not valid JSON at {place} ({error.msg}); the file may be truncated, "
            "expected one complete JSON array"
        ) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise InputError(f"{path}: not usable JSON ({error}); expected one JSON array of rows") from None
    if not isinstance(rows, list):
        raise InputError(f"{path}: holds a JSON {type(rows).__name__}; expected a JSON array")
    if not rows:
        raise InputError(f"{path}: the array is empty; expected at least one row")
    return rows


def excerpt(value: object, width: int = 80) -> str:
    """A value as JSON, shortened for an error message."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= width else text[: width - 3] + "..."
