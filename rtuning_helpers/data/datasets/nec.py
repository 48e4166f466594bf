"""NEC, non-existent concepts: 2,078 questions about things that are made up, 2,072 about things that exist.

The paper asks the made-up ones and counts refusals. No question has a gold answer. The relation is the category
(animals, countries, food, generic, medicines, sports). Files, schema, licence, errors: see
`rtuning_helpers.data.datasets.unknownbench`.
"""

from __future__ import annotations

from pathlib import Path

from rtuning_helpers.data.datasets.unknownbench import REPOSITORY, convert_labelled, unknownbench_kinds
from rtuning_helpers.data.files import load_files
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.errors import InputError

_REVISION = "7283e4218b9146275d3069306927c3289fad576a"
_SHA256 = (
    "458201872dd39bf194f62b6e6c44233242dd99f0ca6cd6723199f39ef84e74df",
    "72a666544e4fc5269ece3d80f27f6f7a29a3e45ac50660da2e85b94f0eae2f05",
)


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read the questions from a folder, or from GitHub: the answerable ones first."""
    return load_files(NEC, split, data_dir, bad_rows)


NEC = register(
    Dataset(
        name="nec",
        load=load,
        needs_data_dir=False,
        source=f"{REPOSITORY} on GitHub, commit {_REVISION[:8]}",
        licence="none stated",
        files={"test": "NEC_answerable.json, NEC_unanswerable.json"},
        splits=("test",),
        kinds=unknownbench_kinds("NEC", convert_labelled, None, _REVISION, _SHA256),
        rows={"test": 4150},
    )
)
