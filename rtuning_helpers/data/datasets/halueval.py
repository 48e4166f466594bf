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

from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import AUTHORS, ORIGINAL, FileKind, a_file_each
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import fields_of, json_array_or_lines_rows, one_answer, text_field

_REVISION = "b7253db3cdaa0ab2c382f92b26b390109174f77e"
_SHA256 = "89ed139ec5e3a3169a0b30e45569ac1283846f76f27f7bb5e908ee6deed57e88"
_PUBLIC = PublicFile("github", "RUCAIBox/HaluEval", _REVISION, "data/qa_data.json", _SHA256)


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question."""
    fields = fields_of(row, ("knowledge", "question", "right_answer"))
    return {
        "question": text_field(fields, "question"),
        "answer": one_answer(fields, "right_answer"),
        "relation": "qa",
        "context": f"Knowledge: {text_field(fields, 'knowledge')}",
    }


def _kind(layout: str, name: str, *public: PublicFile) -> FileKind:
    (kind,) = a_file_each({"test": name}, convert, rows=json_array_or_lines_rows, layout=layout, public=public)
    return kind


register(
    Dataset(
        name="halueval",
        source=f"RUCAIBox/HaluEval on GitHub, commit {_REVISION[:8]}",
        licence="MIT; the questions are HotpotQA's, CC BY-SA 4.0",
        rows={"test": 10000},
        kinds=(
            _kind(AUTHORS, "HaluEvalQA.json"),
            _kind(ORIGINAL, "qa_data.json", _PUBLIC),
            _kind("sample", "qa_one-turn_data.json"),
        ),
    )
)
