"""What a model has read, where its folder says so: ``exposures.jsonl``, and questions that carry its counts.

A mini model trained on real questions brings the file along; other models have none, and nothing is known of them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_lines
from rtuning_helpers.model.model_files import MINI
from rtuning_helpers.model.model_names import parse_model

EXPOSURES = "exposures.jsonl"


def exposure_rows(facts: Iterable[Question]) -> list[dict]:
    """The rows of ``exposures.jsonl``: each fact's question, answer and number of documents."""
    return [{"question": q.question.strip(), "answer": q.answer, "exposure": q.exposure} for q in facts]


def with_exposures(questions: Sequence[Question], model: str) -> list[Question]:
    """The questions with the exposures that a model's folder records.

    Args:
        questions: Questions of any data set.
        model: A model folder, or a name.

    Returns:
        The questions as they are if there is no record; else each with its number of documents, which is 0 for all that
        the model has not read (the same question with another answer included).

    Raises:
        InputError: The record cannot be read.
    """
    model = parse_model(model).base
    path = Path(model) / EXPOSURES
    if model == MINI or not path.is_file():
        return list(questions)
    counts = _read(path, path.stat().st_mtime_ns)
    return [replace(q, exposure=counts.get((q.question.strip(), q.answer), 0)) for q in questions]


@lru_cache(maxsize=2)  # every step asks again
def _read(path: Path, changed: int) -> dict[tuple[str, str], int]:
    counts = {}
    for number, line in enumerate(read_lines(path, "JSON lines of question, answer and exposure"), start=1):
        try:
            row = json.loads(line)
            key, count = (row["question"], row["answer"]), row["exposure"]
            if type(count) is not int or count < 0:
                raise ValueError(f"exposure {count!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: line {number} is no row of question, answer and exposure ({error}); build the model again"
            ) from None
        counts[key] = count
    return counts
