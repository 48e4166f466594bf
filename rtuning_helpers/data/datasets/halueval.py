"""HaluEval's questions with knowledge, which the paper only tests on.

Rows: ``knowledge``, ``question``, ``right_answer`` (and ``hallucinated_answer``, which is not used). The questions come
from HotpotQA's training set, so they are not far from a training task.

Layouts:
    authors: ``HaluEvalQA.json``, a JSON array.
    original: ``qa_data.json`` of RUCAIBox/HaluEval, JSON lines (10,000 rows); its sample ``qa_one-turn_data.json``
        (500 rows) is read where it is the only one.

Either name may hold either format. Source: RUCAIBox/HaluEval on GitHub. Licence: MIT (HotpotQA: CC BY-SA 4.0).

Errors: a missing or empty field, an answer that is no string (several golds).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import AUTHORS, ORIGINAL, FileKind, load_files
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError, fields_of, json_array_or_lines_rows, text_field
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt

_REVISION = "b7253db3cdaa0ab2c382f92b26b390109174f77e"
_SHA256 = "89ed139ec5e3a3169a0b30e45569ac1283846f76f27f7bb5e908ee6deed57e88"


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question."""
    fields = fields_of(row, ("knowledge", "question", "right_answer"))
    if isinstance(fields["right_answer"], list):
        raise BadRowError(f"has several golds, right_answer {excerpt(fields['right_answer'])}; expected one string")
    return {
        "question": text_field(fields, "question"),
        "answer": text_field(fields, "right_answer").strip(),
        "relation": "qa",
        "context": f"Knowledge: {text_field(fields, 'knowledge')}",
    }


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read the questions from a folder, or from GitHub."""
    return load_files(HALUEVAL, split, data_dir, bad_rows)


FILES = {"test": "qa_data.json"}
_PUBLIC = PublicFile("github", "RUCAIBox/HaluEval", _REVISION, "data/qa_data.json", _SHA256)
HALUEVAL = register(
    Dataset(
        name="halueval",
        load=load,
        needs_data_dir=False,
        source=f"RUCAIBox/HaluEval on GitHub, commit {_REVISION[:8]}",
        licence="MIT; the questions are HotpotQA's, CC BY-SA 4.0",
        files=FILES,
        splits=("test",),
        kinds=(
            FileKind(AUTHORS, "test", ("test",), ("HaluEvalQA.json",), json_array_or_lines_rows, convert),
            FileKind(
                ORIGINAL, "test", ("test",), ("qa_data.json",), json_array_or_lines_rows, convert, public=(_PUBLIC,)
            ),
            FileKind("sample", "test", ("test",), ("qa_one-turn_data.json",), json_array_or_lines_rows, convert),
        ),
        rows={"test": 10000},
    )
)
