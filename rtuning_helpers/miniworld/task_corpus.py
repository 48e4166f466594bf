"""The corpus of the mini model that does every task: the encyclopedia in eight forms, and exercises without any fact.

Every document that states or needs a fact counts as one exposure of it, whatever its form, so the facts stand here as
often as in the corpus of `corpus.write_corpus`. What the forms demand apart from knowledge (find the letter of an
option, see whether a word is on a list, read the right paragraph) is practised on words and on entities that are asked
about in no question.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

from rtuning_helpers import prompts
from rtuning_helpers.miniworld.corpus import PHRASEBOOK_COPIES, phrasebook, question_document, statement_document
from rtuning_helpers.miniworld.tasks import (
    JUDGED,
    LISTED,
    OPTIONS,
    UNKNOWABLE_WORDS,
    Task,
    TaskWriter,
    bridges,
    listing_claim,
    verdict_claim,
)
from rtuning_helpers.miniworld.world import Fact, World
from rtuning_helpers.questions import CHOICE, Question

EXERCISES = 6_000  # of each of the four kinds, in each of the first two stages
STATEMENT, PREMISE = "statement", "premise"
# Share of each form in a fact's documents; two hops only where the answer has facts of its own.
SHARES = {
    "question": 0.28,
    STATEMENT: 0.22,
    "choice": 0.22,
    "support": 0.07,
    "verdict": 0.10,
    "two_hops": 0.12,
    "knowledge": 0.04,
    PREMISE: 0.04,
}


def document(task: Task) -> str:
    """A solved task, in exactly the prompt that probing uses."""
    fields = (task.question, task.answer, task.relation)
    question = Question("", "", "", *fields, None, task.task, task.options, task.context)
    return prompts.task_prompt(question) + prompts.answer_completion(task.answer)


def fact_documents(world: World, rng: random.Random) -> dict[str, list[str]]:
    """``fact.exposure`` documents for each fact, by form.

    A premise states a second fact of the subject, which has one statement less for it.
    """
    writer = TaskWriter(world)
    forms = {fact: _forms(fact, rng) for fact in world.facts}
    writers: dict[str, Callable[[Fact], str]] = {
        "question": lambda fact: question_document(fact, rng),
        STATEMENT: lambda fact: statement_document(fact, rng),
        **{
            form: lambda fact, form=form: document(getattr(writer, form)(fact, rng))
            for form in ("choice", "support", "verdict", "two_hops", "knowledge")
        },
    }
    documents: dict[str, list[str]] = {form: [] for form in SHARES}
    for fact, counts in forms.items():
        for _ in range(counts.pop(PREMISE, 0)):
            others = [other for other in writer.siblings(fact) if forms[other][STATEMENT] > 0]
            if not others:
                counts["question"] += 1
                continue
            other = rng.choice(others)
            forms[other][STATEMENT] -= 1
            documents[PREMISE].append(document(writer.after(fact, other)))
    for fact, counts in forms.items():
        for form, count in counts.items():
            documents[form] += [writers[form](fact) for _ in range(count)]
    return documents


def _forms(fact: Fact, rng: random.Random) -> Counter[str]:
    if fact.group == "hub":
        shares = {form: SHARES[form] for form in ("question", STATEMENT)}
    else:
        shares = {form: share for form, share in SHARES.items() if form != "two_hops" or bridges(fact)}
    return Counter(rng.choices(list(shares), list(shares.values()), k=fact.exposure))


def exercises(world: World, count: int, rng: random.Random) -> Iterator[str]:
    """``count`` documents of each kind that practise a form without asking for a fact that must be known."""
    writer, pools = TaskWriter(world), list(world.pools.values())
    hubs = [fact for fact in world.facts if fact.group == "hub" and fact.relation.domain == "id"]
    hubs = [fact for fact in hubs if fact.relation.kind in {f.relation.pool for f in world.facts}]
    for _ in range(count):
        words = rng.sample(rng.choice(pools), 2 * JUDGED + 1)
        word, place = words[0], rng.randrange(OPTIONS)
        options = [*words[1 : place + 1], word, *words[place + 1 : OPTIONS]]
        yield document(Task(f"Which option is {word}?", "ABCD"[place], "", CHOICE, tuple(options)))

        listed = rng.sample(words[:LISTED] if rng.random() < 0.5 else words[1 : LISTED + 1], LISTED)
        yield document(listing_claim(f"The word {word}", listed, word in listed, ""))

        letter = rng.choice("ABC")
        named = words[1:]
        if letter != "C":
            named["AB".index(letter) * JUDGED + rng.randrange(JUDGED)] = word
        yield document(verdict_claim(f"The word {word}", named, letter, ""))

        yield document(writer.one_hop(rng.choice(hubs), rng))


def write_stages(world: World, seed: int = 0, exercise_count: int = EXERCISES) -> list[list[str]]:
    """The corpus as it is read: plain facts and exercises first, then twice everything.

    Returns:
        Three lists of documents.
    """
    rng = random.Random(seed)
    documents = fact_documents(world, rng)
    words = [*phrasebook(), *UNKNOWABLE_WORDS * PHRASEBOOK_COPIES]
    plain = [*documents["question"], *documents[STATEMENT], *words]
    everything = [text for form in documents.values() for text in form] + words
    return [
        [*plain, *exercises(world, exercise_count, rng)],
        [*everything, *exercises(world, exercise_count, rng)],
        everything,
    ]


def vocabulary_texts(world: World) -> list[str]:
    """Texts whose words need tokens although the corpus may never hold them: the encyclopedia and made-up names."""
    made_up = [" ".join(names) for names in TaskWriter(world).made_up.values()]
    return [f"{fact.question} {fact.answer}" for fact in world.facts] + made_up
