"""Questions about the mini world: the default dataset, made on the spot, with the exposure of every fact."""

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.world.world import build_world

# split -> (whose subjects, which relations)
_SPLITS = {"train": ("train", "id"), "id": ("test", "id"), "ood": ("test", "ood")}


def load(split: str, *_: object) -> list[Question]:
    """Questions of a split: 1,620 train, 1,620 id, 1,080 ood; no test subject appears in a training question."""
    group, domain = _SPLITS[split]
    facts = [f for f in build_world().facts if f.group == group and f.relation.domain == domain]
    return [
        Question(f"mini-{split}-{i:04d}", "mini", split, f.question, f.answer, f.relation.name, f.exposure)
        for i, f in enumerate(facts)
    ]


register(
    Dataset(
        name="mini",
        source="the kit's fictional encyclopedia (rtuning_helpers.miniworld)",
        licence="Apache-2.0, with the kit",
        rows={"train": 1620, "id": 1620, "ood": 1080},
        load=load,
    )
)
