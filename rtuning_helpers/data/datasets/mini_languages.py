"""The mini world in two languages: the same facts, asked in English and in Karu.

``mini-english`` is tuned in English: ``train`` and ``id`` ask in English, ``ood`` asks the questions of ``id`` in Karu.
``mini-karu`` is the other way round. Question n of one language is question n of the other. The facts are those of the
groups `languages.READ_IN`; the exposure of a question is how many documents of its language state the fact, where a
model has read on (`miniworld.second_language`). The shipped mini model knows no Karu.
"""

from functools import partial

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.world import karu
from rtuning_helpers.data.world.languages import ENGLISH, KARU, PRIMER, read_in, readings
from rtuning_helpers.data.world.world import Fact, build_world

DATASETS = {ENGLISH: "mini-english", KARU: "mini-karu"}
"""Language -> the data set that is tuned in it."""


def asked_facts(group: str) -> list[tuple[Fact, str]]:
    """The facts about the subjects of a group, ``"train"`` or ``"test"``, with what each is read in."""
    world = build_world()
    groups = read_in(world)
    facts = [(fact, groups[fact.subject]) for fact in karu.sayable(world) if fact.group == group]
    return [(fact, read) for fact, read in facts if read != PRIMER]


def asked_in(dataset: str, split: str) -> str:
    """The language that a split of one of the two data sets asks in."""
    (other,) = (language for language, name in DATASETS.items() if name != dataset)
    (own,) = (language for language, name in DATASETS.items() if name == dataset)
    return other if split == "ood" else own


def load(name: str, split: str, *_: object) -> list[Question]:
    """The questions of a split."""
    language, made = asked_in(name, split), []
    for number, (fact, read) in enumerate(asked_facts("train" if split == "train" else "test")):
        said = (karu.question(fact), karu.word(fact.answer)) if language == KARU else (fact.question, fact.answer)
        exposure = readings(fact, read)[language]
        made.append(Question(f"{name}-{split}-{number:04d}", name, split, *said, fact.relation.name, exposure))
    return made


for _language, _name in DATASETS.items():
    register(
        Dataset(
            name=_name,
            source=f"the kit's fictional encyclopedia, tuned in {_language} (rtuning_helpers.data.world.karu)",
            licence="Apache-2.0, with the kit",
            rows={"train": 828, "id": 828, "ood": 828},
            load=partial(load, _name),
        )
    )
