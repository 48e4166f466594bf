"""FalseQA: 2,365 questions with a false premise, and as many ordinary ones on the same matter.

The paper asks those with a false premise and counts refusals.

Layouts:
    original: ``train.csv``, ``valid.csv``, ``test.csv`` of thunlp/FalseQA, in a folder ``falseqa`` or ``dataset``, with
        the header ``question,answer,label``; label 1 marks a false premise. All three make up the split test. The
        answer is one text, or a list of texts written as in Python; of an ordinary question the first is the gold and
        the others are aliases. What stands there for a false premise is a rebuttal, no answer, and is not kept.
    UnknownBench: ``FalseQA_answerable.json`` and ``FalseQA_unanswerable.json``, the same questions without answers; see
        `rtuning_helpers.data.datasets.unknownbench`.

Source: thunlp/FalseQA on GitHub. Licence: none stated.

Errors: another header, a row with more or fewer cells, a label that is not 0 or 1, an empty question or answer.
"""

import ast
from functools import partial
from typing import Any

from rtuning_helpers.data.datasets.unknownbench import convert_labelled, unknownbench_kinds
from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import FileKind
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError, csv_rows, label_field, text_field
from rtuning_helpers.json_files import excerpt

HEADER = ("question", "answer", "label")
_REVISION = "704bd7d21736479311045fd5cde402dd567ab484"
_SHA256 = {
    "train": "2aa13cf9dd1fb7751de17a59e83a225d3cc50eb263b32697d97f97968a9c160f",
    "valid": "4546bd6b5bb3297c1eb1fbf0cab523ffb4d7a6a413ea4ab37bb33d014bec8a2c",
    "test": "8983aa5054982b88be37cbc7ce3fd9c9faeb56fd1481da01f51a806dac110624",
}


def convert(row: dict[str, str]) -> dict[str, Any]:
    """The fields of a question."""
    answerable = label_field(row, "label", ("0", "1")) == "0"
    golds = _golds(text_field(row, "answer"))
    return {
        "question": text_field(row, "question"),
        "answer": golds[0] if answerable else "",
        "aliases": tuple(golds[1:]) if answerable else (),
        "answerable": answerable,
    }


def _golds(text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return [text.strip()]
    try:
        golds = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        golds = None
    if not golds or not all(isinstance(gold, str) and gold.strip() for gold in golds):
        raise BadRowError(f"has answer {excerpt(text)}; expected a text, or a list of texts as Python writes it")
    return [gold.strip() for gold in golds]


register(
    Dataset(
        name="falseqa",
        source=f"thunlp/FalseQA on GitHub, commit {_REVISION[:8]}",
        licence="none stated",
        rows={"test": 4730},
        kinds=(
            *(
                FileKind(
                    splits=("test",),
                    patterns=(f"falseqa/{part}.csv", f"dataset/{part}.csv"),
                    convert=convert,
                    rows=partial(csv_rows, header=HEADER),
                    part=part,
                    public=(PublicFile("github", "thunlp/FalseQA", _REVISION, f"dataset/{part}.csv", sha256),),
                )
                for part, sha256 in _SHA256.items()
            ),
            *unknownbench_kinds("FalseQA", convert_labelled),
        ),
    )
)
