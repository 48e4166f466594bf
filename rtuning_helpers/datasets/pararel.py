"""The ParaRel questions of the R-Tuning paper, read from the authors' three files.

Rows are ``[question, answer, relation]``: 5,575 train, 5,584 in-domain and 13,974 out-of-domain questions.
"""

from __future__ import annotations

from pathlib import Path

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt, read_json_array
from rtuning_helpers.questions import Dataset, Question, register

FILES = {"train": "training_data.json", "id": "ID_test_pararel.json", "ood": "OOD_test_pararel.json"}
_ROW = "expected [question, answer, relation]: three non-empty strings"


def load(split: str, data_dir: Path | None) -> list[Question]:
    """Read a split from ``data_dir``; every row is checked."""
    path = Path(data_dir) / FILES[split]
    questions = []
    for number, row in enumerate(read_json_array(path), start=1):
        if not (isinstance(row, list) and len(row) == 3 and all(isinstance(cell, str) for cell in row)):
            raise InputError(f"{path}: row {number} is {excerpt(row)}; {_ROW}")
        question, answer, relation = row  # spaces at the ends of a question stay: the released code trains them
        if not all(cell.strip() for cell in row):
            raise InputError(f"{path}: row {number} is {excerpt(row)}; {_ROW}")
        questions.append(
            Question(f"pararel-{split}-{number - 1:05d}", "pararel", split, question, answer.strip(), relation.strip())
        )
    return questions


PARAREL = register(
    Dataset(
        name="pararel",
        load=load,
        needs_data_dir=True,
        source="the R-Tuning authors' data folder (linked from the README of shizhediao/R-Tuning), after ParaRel",
        licence="none stated for the questions; ParaRel itself is MIT",
        files=FILES,
    )
)
