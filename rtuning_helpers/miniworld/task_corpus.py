"""The corpus of the mini model that does every task: the encyclopedia in eight forms, drills and exercises.

What the forms demand apart from knowledge is practised on words and on entities that are asked about in no question:
*drills* have many small look-ups in a row (which letter stands before this word? is it on the list?), *exercises* are
questions of each form whose answer is told. Facts come in documents of their own, in proportion to their exposure, and
one that is never stated is needed by no document of any form, so that it stays unknown.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rtuning_helpers import prompts
from rtuning_helpers.miniworld.corpus import PHRASEBOOK_COPIES, phrasebook, question_document, statement_document
from rtuning_helpers.miniworld.pretraining import Document, Lesson
from rtuning_helpers.miniworld.tasks import (
    JUDGED,
    LISTED,
    OPTIONS,
    PARAGRAPHS,
    UNKNOWABLE_WORDS,
    Task,
    TaskWriter,
    bridges,
    listing_claim,
    paragraphs,
    second_hops,
    verdict_claim,
)
from rtuning_helpers.miniworld.world import Fact, World
from rtuning_helpers.questions import CHOICE, Question

# Share of each form in the documents of a fact that need it; two hops only where the answer has facts of its own.
SHARES = {"choice": 0.35, "support": 0.13, "verdict": 0.18, "two_hops": 0.20, "knowledge": 0.06, "premise": 0.08}
THOUGHTFUL = ("choice", "support", "verdict", "two_hops")  # forms whose answer is not the fact's answer
PREMISE_EXPOSURE = 5  # a fact that is stated less often is no premise


@dataclass(frozen=True)
class Syllabus:
    """How much of everything there is in the four stages: drills; facts; facts in all forms, twice.

    Attributes:
        drills: Drills of each kind in each stage.
        exercises: Exercises of each kind in the last three stages.
        aloud: Share of exercises and questions in the last three stages whose solution is said aloud.
        most: Documents that state a fact in the second stage, at most: well-known facts need no more.
        most_again: The same in each of the last two stages.
        most_forms: Documents in other forms that need a fact, in each of the last two stages, at most.
    """

    drills: tuple[int, int, int, int] = (3000, 1500, 1000, 300)
    exercises: tuple[int, int, int] = (1500, 1500, 300)
    aloud: tuple[float, float, float] = (0.5, 0.5, 0.2)
    most: int = 60
    most_again: int = 20
    most_forms: int = 30


def document(task: Task, thought: str = "", aloud: bool = False) -> Lesson:
    """A solved task, in exactly the prompt that probing uses; only the answer is learnt.

    Args:
        task: The task.
        thought: What has to be recalled first: an inner layer is to have it where the answer begins.
        aloud: Whether it is also said, before the answer.
    """
    fields = (task.question, task.answer, task.relation)
    prompt = prompts.task_prompt(Question("", "", "", *fields, None, task.task, task.options, task.context))
    said = f"{thought} {task.answer}" if aloud else task.answer
    text = prompt + prompts.answer_completion(said)
    return Lesson(text, ((len(prompt), len(text)),), "" if aloud else thought)


def plain_documents(world: World, most: int, rng: random.Random) -> list[Document]:
    """Each fact as question or statement, as often as its exposure says, ``most`` times at most."""
    return [
        (question_document if rng.random() < 0.5 else statement_document)(fact, rng)
        for fact in world.facts
        for _ in range(min(fact.exposure, most))
    ]


def form_documents(world: World, most: int, aloud: float, rng: random.Random) -> list[Document]:
    """Questions of the other forms that need each fact, as often as its exposure says, ``most`` times at most.

    Args:
        world: The facts.
        most: Documents of a fact, at most.
        aloud: Share of the choices, claims and two-hop questions in which the fact's answer is said before the answer,
            which teaches the model that such a question, too, asks for the fact.
        rng: Source of chance.
    """
    writer = TaskWriter(world)
    documents: list[Document] = []
    for fact in world.facts:
        if fact.group == "hub":
            continue
        shares = {form: share for form, share in SHARES.items() if form != "two_hops" or bridges(fact)}
        for form in rng.choices(list(shares), list(shares.values()), k=min(fact.exposure, most)):
            thought = fact.answer if form in THOUGHTFUL else ""
            documents.append(
                document(_WRITERS[form](writer, fact, rng), thought, bool(thought) and rng.random() < aloud)
            )
    return documents


def _premise(writer: TaskWriter, fact: Fact, rng: random.Random) -> Task:
    stated = [other for other in writer.siblings(fact) if other.exposure >= PREMISE_EXPOSURE]
    return writer.after(fact, rng.choice(stated)) if stated else writer.plain(fact)


_WRITERS: dict[str, Callable[[TaskWriter, Fact, random.Random], Task]] = {
    "choice": TaskWriter.choice,
    "support": TaskWriter.support,
    "verdict": TaskWriter.verdict,
    "two_hops": TaskWriter.two_hops,
    "knowledge": TaskWriter.knowledge,
    "premise": _premise,
}


def drills(world: World, count: int, rng: random.Random) -> Iterator[Lesson]:
    """``count`` drills of each of four kinds: a text, then words with what the text says of each. No facts."""
    pools, relations = list(world.pools.values()), sorted({fact.relation.name for fact in world.facts})
    for _ in range(count):
        words = rng.sample(rng.choice(pools), OPTIONS)
        pairs = list(zip(words, "ABCD", strict=True))
        yield _drill("\n".join(f"{letter}. {word}" for word, letter in pairs) + "\n", pairs, OPTIONS, rng)

        words = rng.sample(rng.choice(pools), 2 * LISTED)
        evidence = f"Evidence: {listing_claim('', words[:LISTED], True, '').context}\n"
        yield _drill(evidence, [(word, "AB"[i >= LISTED]) for i, word in enumerate(words)], 6, rng)

        words = rng.sample(rng.choice(pools), 3 * JUDGED)
        evidence = f"Evidence: {verdict_claim('', words[: 2 * JUDGED], '', '').context}\n"
        yield _drill(evidence, [(word, "ABC"[i // JUDGED]) for i, word in enumerate(words)], 7, rng)

        titles, told = (rng.sample(rng.choice(pools), PARAGRAPHS) for _ in range(2))
        pairs = list(zip(titles, told, strict=True))
        yield _drill(paragraphs(pairs, rng.choice(relations)), pairs, PARAGRAPHS, rng)


def _drill(text: str, pairs: Sequence[tuple[str, str]], asked: int, rng: random.Random) -> Lesson:
    learnt = []
    for number, (word, value) in enumerate(rng.sample(pairs, asked)):
        text += f"{', ' if number else ' '}{word}"
        learnt.append((len(text), len(text) + 1 + len(value)))
        text += f" {value}"
    return Lesson(text + ".", tuple(learnt))


def exercises(world: World, count: int, aloud: float, rng: random.Random) -> Iterator[Lesson]:
    """``count`` questions of each of four forms that can be answered without knowing anything; see `form_documents`."""
    writer, pools = TaskWriter(world), list(world.pools.values())
    second = {relation for fact in world.facts if bridges(fact) for relation in second_hops(fact)}
    hubs = [fact for fact in world.facts if fact.group == "hub" and fact.relation in second]
    for _ in range(count):
        words = rng.sample(rng.choice(pools), 2 * JUDGED + 1)
        word, place = words[0], rng.randrange(OPTIONS)
        said = rng.random() < aloud
        options = [*words[1 : place + 1], word, *words[place + 1 : OPTIONS]]
        yield document(Task(f"Which option is {word}?", "ABCD"[place], "", CHOICE, tuple(options)), word, said)

        listed = rng.sample(words[:LISTED] if rng.random() < 0.5 else words[1 : LISTED + 1], LISTED)
        yield document(listing_claim(f"The word {word}", listed, word in listed, ""), word, said)

        letter, named = rng.choice("ABC"), words[1:]
        if letter != "C":
            named["AB".index(letter) * JUDGED + rng.randrange(JUDGED)] = word
        yield document(verdict_claim(f"The word {word}", named, letter, ""), word, said)

        yield document(writer.one_hop(rng.choice(hubs), rng))


def write_stages(world: World, seed: int = 0, syllabus: Syllabus | None = None) -> list[list[Document]]:
    """The corpus as it is read, in four stages: drills; facts; facts in all forms, twice.

    Returns:
        Four lists of documents, each shuffled.
    """
    rng, plan = random.Random(seed), syllabus or Syllabus()
    words = [*phrasebook(), *UNKNOWABLE_WORDS * PHRASEBOOK_COPIES]
    stages = [
        [*drills(world, plan.drills[0], rng)],
        [
            *plain_documents(world, plan.most, rng),
            *drills(world, plan.drills[1], rng),
            *exercises(world, plan.exercises[0], plan.aloud[0], rng),
            *words,
        ],
    ]
    for stage in (1, 2):
        aloud = plan.aloud[stage]
        facts = plain_documents(world, plan.most_again, rng) + form_documents(world, plan.most_forms, aloud, rng)
        practice = [
            *drills(world, plan.drills[stage + 1], rng),
            *exercises(world, plan.exercises[stage], aloud, rng),
        ]
        stages.append([*facts, *practice, *words])
    for stage in stages:
        rng.shuffle(stage)
    return stages


def vocabulary_texts(world: World, stages: Sequence[Sequence[Document]]) -> Iterator[str]:
    """Texts whose words need a token: prompts and sentences, the encyclopedia, and the made-up names.

    Drills are left out: they hold every word with and without a space before it.
    """
    for stage in stages[1:]:
        for text in stage:
            if isinstance(text, str):
                yield text
            elif len(text.learnt) == 1:
                yield text.text
    yield from (f"{fact.question} {fact.answer}" for fact in world.facts)
    yield from (" ".join(names) for names in TaskWriter(world).made_up.values())
