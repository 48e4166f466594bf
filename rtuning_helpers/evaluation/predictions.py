"""The Prediction record, and the JSON-lines files that hand predictions from one step to the next."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rtuning_helpers.data.questions import OPEN, TASKS
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt, read_lines, write_records
from rtuning_helpers.metrics.answers import mixed_confidence


@dataclass(frozen=True)
class Prediction:
    """What a model answered to one question, and how sure it was.

    Attributes:
        id: As in `questions.Question`, like all that is not named here.
        prediction: The generated answer, may be empty; the chosen letter where there were options.
        correct: Whether the prediction is right, see `matching.is_right`.
        answer_confidence: Geometric mean of the answer's token probabilities, or the letter's share among the options,
            in [0, 1]; None where not recorded.
        sure_confidence: P(sure) / (P(sure) + P(unsure)), in [0, 1]; None where the method asks for no sureness.
        refused: Whether the model refused to answer; None where the method cannot refuse.
    """

    id: str
    dataset: str
    split: str
    question: str
    answer: str
    prediction: str
    correct: bool
    answer_confidence: float | None
    sure_confidence: float | None
    refused: bool | None
    relation: str = ""
    exposure: int | None = None
    task: str = OPEN
    answerable: bool = True

    @property
    def mixed_confidence(self) -> float | None:
        """Mean of answer and sure confidence, as the paper ranks; None where one of them is."""
        if self.answer_confidence is None or self.sure_confidence is None:
            return None
        return float(mixed_confidence(self.answer_confidence, self.sure_confidence))


def is_probability(value: object) -> bool:
    """Whether a value read from JSON is a number in [0, 1]; NaN, infinities and booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


# field -> (test of a value, what is expected, whether null will do)
_RULES: dict[str, tuple[Callable[[Any], bool], str, bool]] = {
    **dict.fromkeys(
        ("id", "dataset", "split"), (lambda x: isinstance(x, str) and bool(x.strip()), "a non-empty string", False)
    ),
    **dict.fromkeys(("question", "answer", "prediction"), (lambda x: isinstance(x, str), "a string", False)),
    "correct": (lambda x: isinstance(x, bool), "true or false", False),
    "answer_confidence": (is_probability, "a number in [0, 1] or null", True),
    "sure_confidence": (is_probability, "a number in [0, 1] or null", True),
    "refused": (lambda x: isinstance(x, bool), "true, false or null", True),
    "relation": (lambda x: isinstance(x, str), "a string", False),
    "exposure": (lambda x: type(x) is int and x >= 0, "a whole number of at least 0 or null", True),
    "task": (lambda x: x in TASKS, f"one of {', '.join(TASKS)}", False),
    "answerable": (lambda x: isinstance(x, bool), "true or false", False),
}
_OPTIONAL = ("relation", "exposure", "task", "answerable")
_ALL_OR_NONE = ("answer_confidence", "sure_confidence", "refused")  # null is a property of the method, not of a row


def write_predictions(path: str | Path, predictions: Iterable[Prediction]) -> Path:
    """Write predictions as JSON lines (UTF-8), atomically: a reader sees the old file or the whole new one.

    Args:
        path: The file to write; missing folders are made.
        predictions: At least one; each must satisfy what `read_predictions` checks.

    Returns:
        The path written.

    Raises:
        ValueError: No prediction, or one that could not be read back (NaN, say); the message names its id.
    """
    path = Path(path)
    rows = [{field.name: getattr(item, field.name) for field in fields(Prediction)} for item in predictions]
    if not rows:
        raise ValueError(f"{path}: no predictions to write; expected at least one")
    if problem := _find_problem(rows):
        raise ValueError(f"{path}: prediction {problem[0]} (id {rows[problem[0] - 1]['id']}): {problem[1]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_records(path, rows)
    return path


def read_predictions(path: str | Path) -> list[Prediction]:
    """Read predictions from JSON lines; every row is checked. The fields with a default may be missing.

    Raises:
        InputError: The file is missing, not UTF-8 or empty; a row is not JSON (a truncated last line, say), lacks a
            field, has an unknown one, holds a value of the wrong type, NaN or a confidence outside [0, 1], repeats an
            id of its dataset, or has null where other rows have a value.
    """
    path = Path(path)
    lines = read_lines(path, "predictions as JSON lines")
    if lines == [""]:
        raise InputError(f"{path}: the file is empty; expected at least one prediction")
    rows = [_parse(path, number, line, len(lines)) for number, line in enumerate(lines, start=1)]
    if problem := _find_problem(rows):
        raise InputError(f"{path}: row {problem[0]}: {problem[1]}")
    return [_prediction(row) for row in rows]


def _parse(path: Path, number: int, line: str, count: int) -> dict:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        truncated = "; the file may be truncated" if number == count else ""
        raise InputError(
            f"{path}: row {number} of {count} is not valid JSON ({error}){truncated}; expected one JSON object a line"
        ) from None
    if not isinstance(row, dict):
        raise InputError(f"{path}: row {number} is {excerpt(row)}; expected the JSON object of a prediction")
    return row


def _find_problem(rows: Sequence[dict]) -> tuple[int, str] | None:
    """Number of the first bad row, counted from 1, and what is wrong with it."""
    seen: dict[tuple[str, str], int] = {}
    required = [name for name in _RULES if name not in _OPTIONAL]
    for number, row in enumerate(rows, start=1):
        if missing := [name for name in required if name not in row]:
            return number, f"lacks {', '.join(missing)} in {excerpt(row)}; expected the fields {', '.join(required)}"
        if unknown := [name for name in row if name not in _RULES]:
            return number, f"has the unknown field {unknown[0]!r}; expected {', '.join(_RULES)}"
        for name, (test, expected, nullable) in _RULES.items():
            if name in row and not (test(row[name]) or (nullable and row[name] is None)):
                return number, f"field {name!r} is {excerpt(row[name])}; expected {expected}"
        for name in _ALL_OR_NONE:
            if (row[name] is None) != (rows[0][name] is None):
                found, first = excerpt(row[name]), excerpt(rows[0][name])
                return number, f"field {name!r} is {found} but {first} in row 1; expected null in all rows or in none"
        first_use = seen.setdefault((row["dataset"], row["id"]), number)
        if first_use != number:
            return number, f"id {row['id']!r} stands in row {first_use} already; expected ids unique within a dataset"
    return None


def _prediction(row: dict) -> Prediction:
    values = {name: row[name] for name in _RULES if name in row}
    for name in ("answer_confidence", "sure_confidence"):
        values[name] = None if values[name] is None else float(values[name])
    return Prediction(**values)
