"""The ParaRel questions of the R-Tuning paper, read from the authors' three files.

Rows are ``[question, answer, relation]``: 5,575 train, 5,584 in-domain and 13,974 out-of-domain questions. The wording
of the questions exists only in these files, so there is no public source to fetch them from.

Errors: a file that is not one JSON array, a row that is not three non-empty strings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtuning_helpers.data.files import AUTHORS, FileKind, files_below, find
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError, convert_rows, json_array_rows
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt

FILES = {"train": "training_data.json", "id": "ID_test_pararel.json", "ood": "OOD_test_pararel.json"}
_ROW = "expected [question, answer, relation]: three non-empty strings"


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question; spaces at the ends of the question stay, because the released code trains them."""
    if not (isinstance(row, list) and len(row) == 3 and all(isinstance(cell, str) and cell.strip() for cell in row)):
        raise BadRowError(f"is {excerpt(row)}; {_ROW}")
    question, answer, relation = row
    return {"question": question, "answer": answer.strip(), "relation": relation.strip()}


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read a split from ``data_dir`` or a folder in it; every row is checked."""
    path = Path(data_dir) / FILES[split]
    if not path.is_file() and path.parent.is_dir():
        kind = next(kind for kind in PARAREL.kinds if split in kind.splits)
        path = next(iter(find(kind, files_below(path.parent))), path)
    return convert_rows("pararel", split, path, json_array_rows(path), convert, bad_rows)


PARAREL = register(
    Dataset(
        name="pararel",
        load=load,
        needs_data_dir=True,
        source="the R-Tuning authors' data folder (linked from the README of shizhediao/R-Tuning), after ParaRel",
        licence="none stated for the questions; ParaRel itself is MIT",
        files=FILES,
        kinds=tuple(
            FileKind(AUTHORS, split, (split,), (name,), json_array_rows, convert) for split, name in FILES.items()
        ),
        rows={"train": 5575, "id": 5584, "ood": 13974},
    )
)
