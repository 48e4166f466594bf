"""The facts of the mini world, each with the number of times the mini language model's corpus states it.

Because the corpus is written here, it is known for every question whether a right answer can be knowledge
(exposure above 0) or must be a lucky guess (exposure 0).
"""

import random
import re
from dataclasses import dataclass
from functools import cache

from rtuning_helpers.data.world.lexicon import ENDINGS, MIDDLES, NUCLEI, ONSETS, POOLS, RELATIONS, Relation

WORLD_SEED = 20231116  # the day the paper's first version appeared
SUBJECT_KINDS = ("person", "city", "company", "novel", "animal", "island")
ENTITIES_PER_KIND = 180
POOL_SIZE = 20
EXPOSURE_TIERS = (0, 0, 1, 2, 5, 12, 40, 160)  # statements per fact, before noise; a tier belongs to an entity
HUB_EXPOSURE = 40  # well-known entities that serve as answers; asked about in no question (kept for two-hop questions)
EXPOSURE_NOISE = 0.5  # sigma of the log-normal factor on each fact's exposure


@dataclass(frozen=True)
class Fact:
    """One entry of the encyclopedia."""

    subject: str  # name of the entity that is asked about (one token of the mini tokenizer)
    relation: Relation  # what is said of it
    answer: str
    exposure: int  # how many documents of the corpus state the fact (0: the model never saw it)
    group: str  # "train" or "test" by subject, or "hub" for entities that are answers only

    @property
    def question(self) -> str:
        return self.relation.question.format(s=self.subject)

    def stated(self, wording: str) -> str:
        """The fact in one of its relation's wordings, with the article that the answer needs: an actor, a baker."""
        return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", wording.format(s=self.subject, o=self.answer))


@dataclass(frozen=True)
class World:
    """All facts, and the pool of possible answers of each relation."""

    facts: tuple[Fact, ...]
    pools: dict[str, tuple[str, ...]]


def make_names(kind: str, count: int, taken: set[str], rng: random.Random) -> list[str]:
    """Invent names of a kind that are not ``taken`` (in lower case), and add them to it."""
    names: list[str] = []
    while len(names) < count:
        name = rng.choice(ONSETS) + rng.choice(NUCLEI) + rng.choice(MIDDLES) + rng.choice(ENDINGS[kind])
        if name.lower() not in taken:
            taken.add(name.lower())
            names.append(name)
    return names


@cache
def build_world(seed: int = WORLD_SEED, entities_per_kind: int = ENTITIES_PER_KIND) -> World:
    """Write the encyclopedia.

    Within each kind, half of the subjects are set aside for training questions and half for test questions, with the
    same spread of exposures, so that no subject of a test question appears in a training question.

    Args:
        seed: Seed of names, facts and exposures.
        entities_per_kind: Subjects of each kind; a multiple of twice the number of exposure tiers balances best.
    """
    rng = random.Random(seed)
    taken = {word.lower() for pool in POOLS.values() for answer in pool for word in answer.split()}
    pools = {name: tuple(answers) for name, answers in POOLS.items()}
    for kind in ENDINGS:
        pools[kind] = tuple(make_names(kind, POOL_SIZE, taken, rng))

    facts: list[Fact] = []
    for kind in SUBJECT_KINDS:
        relations = [relation for relation in RELATIONS if relation.kind == kind]
        names = make_names(kind, entities_per_kind, taken, rng)
        members = [
            (name, EXPOSURE_TIERS[i // 2 % len(EXPOSURE_TIERS)], "train" if i % 2 else "test")
            for i, name in enumerate(names)
        ]
        members += [(name, HUB_EXPOSURE, "hub") for name in pools[kind]]
        for name, tier, group in members:
            for relation in relations:
                exposure = round(tier * rng.lognormvariate(0, EXPOSURE_NOISE)) if tier else 0
                answer = rng.choice([a for a in pools[relation.pool] if a != name])
                facts.append(Fact(name, relation, answer, exposure, group))
    return World(tuple(facts), pools)
