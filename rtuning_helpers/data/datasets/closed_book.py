"""Closed-book twins: the questions of sets with evidence, paragraphs or knowledge, asked without them.

What is left of HotpotQA and HaluEval is a question to memory. What is left of FEVER is a claim, which a model that
knows the world may judge; its prompt is the same with nothing behind "Evidence:", and its third class stays. FEVER's
original files, which name pages and hold no sentence, will do here. Of the mini world's FEVER nothing can be known so,
for what is admitted and what rejected stands in its evidence alone.

Each set is its original by another name, ``-closed-book`` behind it, with the same files, rows and splits.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from rtuning_helpers.data.datasets.fever import read_what_is_good
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, find_dataset, register
from rtuning_helpers.errors import InputError

CLOSED = "-closed-book"
ORIGINALS = ("hotpotqa", "fever", "halueval")


def load(original: str, split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """The questions of a split of the original, without what they are about."""
    source = find_dataset(original)
    read = read_what_is_good if original == "fever" else source.load or source.read
    return [
        replace(q, id=q.id.replace(original, original + CLOSED, 1), dataset=original + CLOSED, context="")
        for q in read(split, data_dir, bad_rows)
    ]


for _name in (*ORIGINALS, *(f"mini-{name}" for name in ORIGINALS)):
    _original = find_dataset(_name)
    register(
        Dataset(
            name=_name + CLOSED,
            source=f"{_original.source}, without context",
            licence=_original.licence,
            rows=_original.rows,
            kinds=_original.kinds,
            load=partial(load, _name),
            mini_model=_original.mini_model,
        )
    )
