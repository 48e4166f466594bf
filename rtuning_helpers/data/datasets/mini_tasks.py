"""Mini twins of the other data sets, made on the spot from the mini world, with the exposure of every fact.

Each has the name of its original with ``mini-`` before it; ``mini-pararel`` asks a part of the questions of `mini`, so
that all are of a size. ``train``, ``id`` and ``ood`` are those of `mini`: training subjects with in-domain relations,
then test subjects with in-domain and with out-of-domain relations. The twins that are only tested on ask about test
subjects. What each form asks: `rtuning_helpers.data.world.tasks`.

They are answered by the checkpoint ``mini-tasks``, which has read the same facts in all forms.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.world.lexicon import RELATIONS
from rtuning_helpers.data.world.tasks import WRONG_FACT, WRONG_KIND, Task, TaskWriter, bridges, second_hops
from rtuning_helpers.data.world.world import Fact, build_world

MODEL = "mini-tasks"
TESTED_ONLY = {"mini-halueval": 540, "mini-falseqa": 272, "mini-nec": 936, "mini-selfaware": 272}  # else 540 a split
WELL_KNOWN = 12  # exposure from which a fact counts as well known
HOPS = 2  # questions for each fact in the two-hop twin
_FACTS_OF = {
    "train": ("train", ("id",)),
    "id": ("test", ("id",)),
    "ood": ("test", ("ood",)),
    "test": ("test", ("id", "ood")),
}

Made = Iterator[tuple[Task, int]]  # each task with its exposure


def load(name: str, split: str, *_: object) -> list[Question]:
    """The questions of a split."""
    return list(_questions(name, split))


@cache
def _questions(name: str, split: str) -> tuple[Question, ...]:
    rng = random.Random(f"{name} {split}")
    made = TWINS[name](TaskWriter(build_world()), split, rng)
    return tuple(
        Question(f"{name}-{split}-{i:04d}", name, split, exposure=exposure, **asdict(task))
        for i, (task, exposure) in enumerate(made)
    )


def _facts(
    writer: TaskWriter, split: str, rng: random.Random, usable: Callable[[Fact], bool] = lambda f: True
) -> list[Fact]:
    """One usable fact of each subject of the split, by lot."""
    group, domains = _FACTS_OF[split]
    chosen = []
    for facts in writer.by_subject.values():
        among = [f for f in facts if f.group == group and f.relation.domain in domains and usable(f)]
        chosen += [rng.choice(among)] if among else []
    return chosen


def _each(form: str, writer: TaskWriter, split: str, rng: random.Random) -> Made:
    for fact in _facts(writer, split, rng):
        yield getattr(writer, form)(fact, rng), fact.exposure


def _plain(writer: TaskWriter, split: str, rng: random.Random) -> Made:
    for fact in _facts(writer, split, rng):
        yield writer.plain(fact), fact.exposure


def _two_hops(writer: TaskWriter, split: str, rng: random.Random) -> Made:
    for fact in _facts(writer, split, rng, bridges):
        for second in rng.sample(second_hops(fact), HOPS):
            yield writer.two_hops(fact, rng, second), fact.exposure


def _false_premises(writer: TaskWriter, split: str, rng: random.Random) -> Made:
    """Well-known subjects only, so that nothing but the premise can be the reason to refuse."""
    for number, fact in enumerate(_well_known(writer, split, rng)):
        yield writer.premise(fact, rng), fact.exposure
        yield writer.false_premise(fact, rng, (WRONG_FACT, WRONG_KIND)[number % 2]), 0


def _made_up(writer: TaskWriter, split: str, rng: random.Random) -> Made:
    for fact in _facts(writer, split, rng, lambda f: f.exposure > 0):
        yield writer.plain(fact), fact.exposure
    for kind, names in writer.made_up.items():
        for name in names:
            relation = rng.choice([r for r in RELATIONS if r.kind == kind])
            yield Task(relation.question.format(s=name), "", "made up", answerable=False), 0


def _unknowable(writer: TaskWriter, split: str, rng: random.Random) -> Made:
    """Well-known subjects only, as for the false premises."""
    for fact in _well_known(writer, split, rng):
        yield writer.plain(fact), fact.exposure
        yield writer.unknowable(fact, rng), 0


def _well_known(writer: TaskWriter, split: str, rng: random.Random) -> list[Fact]:
    return _facts(writer, split, rng, lambda f: all(g.exposure >= WELL_KNOWN for g in writer.by_subject[f.subject]))


TWINS: dict[str, Callable[[TaskWriter, str, random.Random], Made]] = {
    "mini-pararel": _plain,
    "mini-mmlu": partial(_each, "choice"),
    "mini-wice": partial(_each, "support"),
    "mini-hotpotqa": _two_hops,
    "mini-fever": partial(_each, "verdict"),
    "mini-halueval": partial(_each, "knowledge"),
    "mini-falseqa": _false_premises,
    "mini-nec": _made_up,
    "mini-selfaware": _unknowable,
}
for _name in TWINS:
    register(
        Dataset(
            name=_name,
            source="the kit's fictional encyclopedia (rtuning_helpers.miniworld)",
            licence="Apache-2.0, with the kit",
            rows={"test": TESTED_ONLY[_name]} if _name in TESTED_ONLY else dict.fromkeys(("train", "id", "ood"), 540),
            load=partial(load, _name),
            mini_model=MODEL,
        )
    )
