"""The ParaRel questions of the R-Tuning paper, read from the authors' three files.

Rows are ``[question, answer, relation]``: 5,575 train, 5,584 in-domain and 13,974 out-of-domain questions. The wording
of the questions exists only in these files, so there is no public source to fetch them from.

Errors: a file that is not one JSON array, a row that is not three non-empty strings.
"""

from typing import Any

from rtuning_helpers.data.files import AUTHORS, a_file_each
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError
from rtuning_helpers.json_files import excerpt

FILES = {"train": "training_data.json", "id": "ID_test_pararel.json", "ood": "OOD_test_pararel.json"}
_ROW = "expected [question, answer, relation]: three non-empty strings"


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question; spaces at the ends of the question stay, because the released code trains them."""
    if not (isinstance(row, list) and len(row) == 3 and all(isinstance(cell, str) and cell.strip() for cell in row)):
        raise BadRowError(f"is {excerpt(row)}; {_ROW}")
    question, answer, relation = row
    return {"question": question, "answer": answer.strip(), "relation": relation.strip()}


register(
    Dataset(
        name="pararel",
        source="the R-Tuning authors' data folder (linked from the README of shizhediao/R-Tuning), after ParaRel",
        licence="none stated for the questions; ParaRel itself is MIT",
        rows={"train": 5575, "id": 5584, "ood": 13974},
        kinds=a_file_each(FILES, convert, layout=AUTHORS),
    )
)
