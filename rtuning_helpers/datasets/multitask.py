"""The mixture of the five training sets of the paper's section 4.2 (Table 13), and each of them to test on.

Without a data folder it is made of the mini twins, with one of the paper's own sets, read from that folder (or, ParaRel
aside, fetched). ``train`` holds the training questions of all five, one set after the other. The other splits are named
after the set that is asked: the in-domain test of each of the five (which one the paper asked is not stated), and
HaluEval, which no model was tuned on. Questions keep the name of their own data set.
"""

from __future__ import annotations

from pathlib import Path

from rtuning_helpers.errors import InputError
from rtuning_helpers.questions import IN_DOMAIN, TRAIN, Dataset, Question, find_dataset, load_questions, register

TRAINED_ON = ("pararel", "mmlu", "wice", "hotpotqa", "fever")
UNSEEN = "halueval"
_REAL = {"wice": "wice-subclaim"}  # the level whose sizes the paper prints


def member(split: str, data_dir: Path | str | None = None) -> str:
    """Name of the data set that a split asks: the mini twin, or with a data folder the real one."""
    return f"mini-{split}" if data_dir is None else _REAL.get(split, split)


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """The training questions of all five sets, or the test questions of one."""
    if split == TRAIN:
        members = [member(name, data_dir) for name in TRAINED_ON]
        return [q for name in members for q in load_questions(name, TRAIN, data_dir, bad_rows=bad_rows)]
    name = member(split, data_dir)
    tested = IN_DOMAIN if IN_DOMAIN in find_dataset(name).splits else find_dataset(name).splits[-1]
    return load_questions(name, tested, data_dir, bad_rows=bad_rows)


MULTITASK = register(
    Dataset(
        name="multitask",
        load=load,
        needs_data_dir=False,
        source="the mini twins of the paper's five training sets; with --data-dir, the sets themselves",
        licence="those of its sets",
        files={},
        splits=(TRAIN, *TRAINED_ON, UNSEEN),
        rows={TRAIN: 2700, **dict.fromkeys((*TRAINED_ON, UNSEEN), 540)},
        mini_model="mini-tasks",
    )
)
