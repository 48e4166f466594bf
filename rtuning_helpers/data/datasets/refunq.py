"""RefuNQ: 2,266 questions of Natural Questions with answers, 2,173 with a made-up word in them and none.

The paper does not use it. Further golds are aliases. Files, schema, licence, errors: see
`rtuning_helpers.data.datasets.unknownbench`.
"""

from __future__ import annotations

from pathlib import Path

from rtuning_helpers.data.datasets.unknownbench import REPOSITORY, convert_answered, unknownbench_kinds
from rtuning_helpers.data.files import load_files
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.errors import InputError

_REVISION = "9d73416b53aac588d25bbe68a2cb289102f229ca"
_SHA256 = (
    "6f16a61912076245c8592728b7d68a7f9dc9fb725344b671615b466b0faeb7a3",
    "3e1510f12df0a38f032d291942e224811d40755c358129798fcd15f53d6042c5",
)


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read the questions from a folder, or from GitHub: the answerable ones first."""
    return load_files(REFUNQ, split, data_dir, bad_rows)


REFUNQ = register(
    Dataset(
        name="refunq",
        load=load,
        needs_data_dir=False,
        source=f"{REPOSITORY} on GitHub, commit {_REVISION[:8]}",
        licence="none stated",
        files={"test": "RefuNQ_answerable.json, RefuNQ_unanswerable.json"},
        splits=("test",),
        kinds=unknownbench_kinds("RefuNQ", convert_answered, "refunq", _REVISION, _SHA256),
        rows={"test": 4439},
    )
)
