"""Questions about the mini world that need two facts, both from memory: chains and pairs, see `data.world.two_hops`.

A question's exposure is that of the less-read of its two facts.
"""

from functools import cache

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.world.two_hops import TwoHops, two_hops
from rtuning_helpers.data.world.world import build_world

NAME = "mini-two-hops"


def load(split: str, *_: object) -> list[Question]:
    """The questions of a split; of ``broken`` too, which is none of the data set: they have no answer."""
    return [
        Question(
            id=f"{NAME}-{split}-{i:04d}",
            dataset=NAME,
            split=split,
            question=hops.question,
            answer=hops.answer,
            relation=f"{hops.first.relation.name}, {hops.second.relation.name}",
            exposure=hops.exposure,
            answerable=bool(hops.answer),
        )
        for i, hops in enumerate(_two_hops(split))
    ]


def hops_of(question: Question) -> TwoHops:
    """The two facts that a question of `load` needs."""
    return _two_hops(question.split)[int(question.id.rpartition("-")[2])]


@cache
def _two_hops(split: str) -> list[TwoHops]:
    return two_hops(build_world(), split)


register(
    Dataset(
        name=NAME,
        source="the kit's fictional encyclopedia (rtuning_helpers.miniworld)",
        licence="Apache-2.0, with the kit",
        rows={"train": 936, "id": 951, "ood": 412},
        load=load,
    )
)
