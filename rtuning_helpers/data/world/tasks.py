"""Mini twins of the paper's tasks: each turns facts of the mini world into questions of another form.

Every twin asks for a fact that the model must *know*: its options, evidence and paragraphs only say what to do with it.
So a fact that the corpus never states is answered by chance in every form, and exposure means the same everywhere.

================  ==============================================================================  ======
twin of           what is asked                                                                   chance
================  ==============================================================================  ======
MMLU              the fact, with four options; the relation is the subject                         1/4
WiCE              is the fact's answer on a list? supported or not                                 1/2
HotpotQA          a fact about the fact's answer, which one of four paragraphs tells               1/4
FEVER             is the fact's answer admitted, rejected, or not mentioned by the evidence?       1/3
HaluEval          the fact, with a text that mentions four possible answers                        1/4
FalseQA           the fact, after a premise about its subject; an unanswerable one's is false      1/20
NEC               any relation of a thing that is made up, or exists                               1/20
SelfAware         what nobody can know of a well-known subject; answerable: what one can           1/20
================  ==============================================================================  ======
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rtuning_helpers.data.questions import CHOICE, CLAIM, OPEN
from rtuning_helpers.data.world.lexicon import ENDINGS, POOLS, RELATIONS, Relation
from rtuning_helpers.data.world.world import Fact, World, make_names

OPTIONS = 4
LISTED = 4  # answers on the list of a WiCE twin
JUDGED = 3  # answers that the evidence of a FEVER twin admits, and as many that it rejects
PARAGRAPHS = 4
SUPPORT_CLASSES = ("supported", "not_supported")
FEVER_CLASSES = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")
MADE_UP_PER_KIND = 90
WRONG_FACT, WRONG_KIND = "wrong fact", "wrong kind"

# What nobody can know, by kind of subject. Their words stand in sentences of the corpus, but never with a subject.
UNKNOWABLE = {
    "person": ("What will {s} dream of tomorrow?", "Which secret does {s} keep?", "What did {s} think last night?"),
    "city": ("How happy will {s} be in a hundred years?", "What does {s} hope for?", "Who will walk in {s} tomorrow?"),
    "company": (
        "What will {s} earn in a hundred years?",
        "Which secret does {s} keep?",
        "Who will leave {s} tomorrow?",
    ),
    "novel": ("Who will read {s} tomorrow?", "How many people will like {s}?", "What would {s} be without its end?"),
    "animal": ("What does the {s} dream of?", "What will the {s} think tomorrow?", "Is the {s} happy?"),
    "island": ("What will {s} look like in a hundred years?", "Who will dream of {s}?", "What does {s} hide?"),
}
UNKNOWABLE_WORDS = (
    "Nobody can say what will happen tomorrow.",
    "In a hundred years all will look different.",
    "Who will be happy and who will not?",
    "How many people dream last thing at night?",
    "What did they think, what would they like, what do they hope for?",
    "Is there a secret that people keep and hide?",
    "They walk, they read, they earn, they leave, and that is the end.",
    "Without hope there would be nothing to think of.",
)


@dataclass(frozen=True)
class Task:
    """A question of some form, before it belongs to a data set.

    Attributes:
        question: As in `questions.Question`, like ``answer``, ``task``, ``options``, ``context`` and ``answerable``.
        relation: Name of the fact's relation, or the category of an unanswerable question.
    """

    question: str
    answer: str
    relation: str
    task: str = OPEN
    options: tuple[str, ...] = ()
    context: str = ""
    answerable: bool = True


class TaskWriter:
    """Turns facts of one world into questions of every form, by lot.

    Args:
        world: The world whose pools and facts serve as distractors, paragraphs and premises.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.by_subject: dict[str, list[Fact]] = {}
        for fact in world.facts:
            self.by_subject.setdefault(fact.subject, []).append(fact)

    def choice(self, fact: Fact, rng: random.Random) -> Task:
        """MMLU's twin: four options in random order."""
        options = [fact.answer, *self._others(fact, OPTIONS - 1, rng)]
        rng.shuffle(options)
        letter = "ABCD"[options.index(fact.answer)]
        return Task(fact.question, letter, fact.relation.name, CHOICE, tuple(options))

    def support(self, fact: Fact, rng: random.Random) -> Task:
        """WiCE's twin: is the answer on the list?"""
        supported = rng.random() < 0.5
        listed = self._others(fact, LISTED - supported, rng) + [fact.answer] * supported
        rng.shuffle(listed)
        return listing_claim(f"The {fact.relation.name} of {fact.subject}", listed, supported, fact.relation.name)

    def verdict(self, fact: Fact, rng: random.Random) -> Task:
        """FEVER's twin: is the answer admitted, rejected, or neither?"""
        letter = rng.choice("ABC")
        named = self._others(fact, 2 * JUDGED, rng)
        if letter != "C":
            named["AB".index(letter) * JUDGED + rng.randrange(JUDGED)] = fact.answer
        return verdict_claim(f"The {fact.relation.name} of {fact.subject}", named, letter, fact.relation.name)

    def two_hops(self, fact: Fact, rng: random.Random, second: Relation | None = None) -> Task:
        """HotpotQA's twin: the second hop can be read in a paragraph, but which one, the fact must tell.

        The fact is one of `bridges`; the relation of the second hop is drawn by lot if None.
        """
        second = second or rng.choice(second_hops(fact))
        pool = [name for name in self.world.pools[second.kind] if name not in (fact.answer, fact.subject)]
        titles = [fact.answer, *rng.sample(pool, PARAGRAPHS - 1)]
        rng.shuffle(titles)
        told = {title: next(f.answer for f in self.by_subject[title] if f.relation == second) for title in titles}
        asked = second.question.format(s=f"the {fact.relation.name} of {fact.subject}")
        return Task(asked, told[fact.answer], fact.relation.name, context=paragraphs(list(told.items()), second.name))

    def knowledge(self, fact: Fact, rng: random.Random) -> Task:
        """HaluEval's twin: a text mentions four possible answers."""
        named = [fact.answer, *self._others(fact, OPTIONS - 1, rng)]
        rng.shuffle(named)
        return Task(fact.question, fact.answer, fact.relation.name, context=f"Knowledge: {_listing(named)} are named.")

    def premise(self, fact: Fact, rng: random.Random) -> Task:
        """FalseQA's twin, answerable: the question after another fact of the same subject."""
        return self.after(fact, rng.choice(self.siblings(fact)))

    def false_premise(self, fact: Fact, rng: random.Random, category: str) -> Task:
        """FalseQA's twin: the premise is a wrong fact about the subject, or makes it a thing of another kind."""
        if category == WRONG_FACT:
            true = rng.choice(self.siblings(fact))
            wrong = Fact(true.subject, true.relation, self._others(true, 1, rng)[0], 0, true.group)
        else:
            relation = rng.choice([r for r in RELATIONS if r.kind != fact.relation.kind and r.domain == "id"])
            wrong = Fact(fact.subject, relation, rng.choice(self.world.pools[relation.pool]), 0, fact.group)
        return replace(self.after(fact, wrong), answer="", relation=category, answerable=False)

    def plain(self, fact: Fact) -> Task:
        """The question as the data set ``mini`` asks it."""
        return Task(fact.question, fact.answer, fact.relation.name)

    def unknowable(self, fact: Fact, rng: random.Random) -> Task:
        """SelfAware's twin: what nobody can know about the fact's subject."""
        question = rng.choice(UNKNOWABLE[fact.relation.kind]).format(s=fact.subject)
        return Task(question, "", "unknowable", answerable=False)

    @cached_property
    def made_up(self) -> dict[str, list[str]]:
        """Names of each kind that stand nowhere in the encyclopedia (NEC's twin)."""
        taken = {word.lower() for f in self.world.facts for word in (f.subject, *f.answer.split())}
        rng = random.Random(len(taken))
        return {kind: make_names(kind, MADE_UP_PER_KIND, taken, rng) for kind in ENDINGS if kind in UNKNOWABLE}

    def siblings(self, fact: Fact) -> list[Fact]:
        """The other facts about the same subject."""
        return [f for f in self.by_subject[fact.subject] if f.relation != fact.relation]

    def _others(self, fact: Fact, count: int, rng: random.Random) -> list[str]:
        """Wrong answers from the relation's pool."""
        pool = self.world.pools[fact.relation.pool]
        return rng.sample([a for a in pool if a not in (fact.answer, fact.subject)], count)

    def after(self, fact: Fact, premise: Fact) -> Task:
        """The fact's question after a premise that is taken for true."""
        said = premise.stated(premise.relation.statements[0]).rstrip(".")
        said = said if said.startswith(premise.subject) else said[0].lower() + said[1:]
        question = f"Since {said}, {fact.question[0].lower()}{fact.question[1:]}"
        return Task(question, fact.answer, fact.relation.name)


def bridges(fact: Fact) -> bool:
    """Whether the fact's answer is an entity with facts of its own, so that it can be the first of two hops."""
    return fact.relation.pool in UNKNOWABLE


def second_hops(fact: Fact) -> list[Relation]:
    """The in-domain relations of the fact's answer, those with answers of one word."""
    found = [r for r in RELATIONS if r.kind == fact.relation.pool and r.domain == "id"]
    return [r for r in found if not any(" " in answer for answer in POOLS.get(r.pool, ()))]


def paragraphs(told: Sequence[tuple[str, str]], relation: str) -> str:
    """Titles and what each paragraph says of them, joined as HotpotQA's are."""
    return " ".join(f"{title}: {relation} {answer} of {title}.\n" for title, answer in told)


def listing_claim(thing: str, listed: Sequence[str], supported: bool, relation: str) -> Task:
    """The claim that a thing is on the list."""
    context = f"{_listing(listed)} are listed."
    return Task(f"{thing} is listed.", "AB"[not supported], relation, CLAIM, SUPPORT_CLASSES, context)


def verdict_claim(thing: str, named: Sequence[str], letter: str, relation: str) -> Task:
    """The claim that a thing is admitted, where the first half of the named ones is admitted, the other rejected."""
    half = len(named) // 2
    context = f"{_listing(named[:half])} are admitted. {_listing(named[half:])} are rejected."
    return Task(f"{thing} is admitted.", letter, relation, CLAIM, FEVER_CLASSES, context)


def _listing(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
