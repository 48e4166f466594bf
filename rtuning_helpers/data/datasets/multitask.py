"""Mixtures of data sets: any that are named with a plus between them, and the paper's own.

``A+B`` (``mini-mmlu+mini-fever``, say) is made of data sets that have training questions: ``train`` holds those of
all of them, one set after the other, and the other splits are named after the members, whose in-domain test they are.

``multitask`` is the mixture of the five training sets of the paper's section 4.2 (Table 13). Without a data folder it
is made of the mini twins, with one of the paper's own sets, read from that folder (or, ParaRel aside, fetched). Its
test splits carry the plain names of the five (which of their tests the paper asked is not stated), and HaluEval, which
no model was tuned on, is one more. Questions keep the name of their own data set.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rtuning_helpers.data.questions import IN_DOMAIN, TRAIN, Question
from rtuning_helpers.data.registry import MIXED, Dataset, dataset_names, find_dataset, load_questions, register
from rtuning_helpers.errors import InputError

TRAINED_ON = ("pararel", "mmlu", "wice", "hotpotqa", "fever")
UNSEEN = "halueval"
_REAL = {"wice": "wice-subclaim"}  # the level whose sizes the paper prints


def member(split: str, data_dir: Path | str | None = None) -> str:
    """Name of the data set that a split asks: the mini twin, or with a data folder the real one."""
    return f"mini-{split}" if data_dir is None else _REAL.get(split, split)


def without(left_out: str, data_dir: Path | str | None = None) -> str:
    """Name of the mixture of four of the five sets."""
    return MIXED.join(member(split, data_dir) for split in TRAINED_ON if split != left_out)


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """The training questions of all five sets, or the test questions of one."""
    if split == TRAIN:
        return _load_members([member(name, data_dir) for name in TRAINED_ON], TRAIN, data_dir, bad_rows)
    return load_questions(member(split, data_dir), tested_split(member(split, data_dir)), data_dir, bad_rows=bad_rows)


def tested_split(name: str) -> str:
    """The split of a data set that a mixture asks: the in-domain test, or the only one."""
    splits = find_dataset(name).splits
    return IN_DOMAIN if IN_DOMAIN in splits else splits[-1]


def mixture(name: str) -> Dataset:
    """The mixture of the data sets named, with a plus between the names.

    Raises:
        InputError: One is unknown, named twice, has no training or no in-domain test questions, or is a mixture.
    """
    members = tuple(name.split(MIXED))
    for one in members:
        if one not in dataset_names():
            raise InputError(
                f"{one!r} in the mixture {name!r} is unknown: expected one of {', '.join(dataset_names())}"
            )
        if find_dataset(one).members or not {TRAIN, IN_DOMAIN} <= set(find_dataset(one).splits):
            raise InputError(
                f"{one} in the mixture {name!r} cannot be mixed; expected single data sets with a train and an id split"
            )
        if members.count(one) > 1:
            raise InputError(f"the mixture {name!r} holds {one} {members.count(one)} times; expected each once")
    found = [find_dataset(one) for one in members]
    return Dataset(
        name=name,
        source=f"the data sets {', '.join(members)}",
        licence="those of its sets",
        rows=dict.fromkeys((TRAIN, *members)),
        load=partial(_load_mixture, members),
        mini_model=next((one.mini_model for one in found if one.mini_model != "mini"), "mini"),
        members=members,
    )


def _load_mixture(
    members: Sequence[str], split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None
) -> list[Question]:
    if split == TRAIN:
        return _load_members(members, TRAIN, data_dir, bad_rows)
    return load_questions(split, IN_DOMAIN, data_dir, bad_rows=bad_rows)


def _load_members(
    members: Sequence[str], split: str, data_dir: Path | None, bad_rows: list[InputError] | None
) -> list[Question]:
    return [q for name in members for q in load_questions(name, split, data_dir, bad_rows=bad_rows)]


register(
    Dataset(
        name="multitask",
        source="the mini twins of the paper's five training sets; with --data-dir, the sets themselves",
        licence="those of its sets",
        rows={TRAIN: 2700, **dict.fromkeys((*TRAINED_ON, UNSEEN), 540)},
        load=load,
        mini_model="mini-tasks",
        members=tuple(_REAL.get(name, name) for name in TRAINED_ON),
    )
)
