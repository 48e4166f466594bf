"""The corpus of the mini model that does every task: the encyclopedia in eight forms, and drills.

What the forms demand apart from knowledge (which letter stands before this word? is it on the list? what does its
paragraph say?) is practised in *drills*, many small look-ups in a row, with words that stand for nothing. Facts come in
documents of their own, in proportion to their exposure, and one that is never stated is needed by no document of any
form, so that it stays unknown.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.world.tasks import (
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
    verdict_claim,
)
from rtuning_helpers.data.world.world import Fact, World
from rtuning_helpers.miniworld.corpus import PHRASEBOOK_COPIES, phrasebook, question_document, statement_document
from rtuning_helpers.miniworld.pretraining import Document, Lesson

# Share of each form in the documents of a fact that need it; two hops only where the answer has facts of its own.
SHARES = {"choice": 0.35, "support": 0.13, "verdict": 0.18, "two_hops": 0.20, "knowledge": 0.06, "premise": 0.08}
THOUGHTFUL = ("choice", "support", "verdict", "two_hops")  # forms whose answer is not the fact's answer
PREMISE_EXPOSURE = 5  # a fact that is stated less often is no premise


@dataclass(frozen=True)
class Syllabus:
    """How much of everything there is in the four stages: drills; facts; facts in all forms, twice."""

    drills: tuple[int, int, int, int] = (3000, 2000, 4000, 2000)  # of each kind in each stage
    most: int = 60  # documents that state a fact in the second stage, at most: well-known facts need no more
    most_again: int = 20  # the same in each of the last two stages
    most_forms: int = 30  # documents in other forms that need a fact, in each of the last two stages, at most


def document(task: Task, thought: str = "") -> Lesson:
    """A solved task, in exactly the prompt that probing uses; only the answer is learnt, by way of the thought."""
    fields = (task.question, task.answer, task.relation)
    prompt = prompts.task_prompt(Question("", "", "", *fields, None, task.task, task.options, task.context))
    text = prompt + prompts.answer_completion(task.answer)
    return Lesson(text, ((len(prompt), len(text)),), (thought,) if thought else ())


def plain_documents(world: World, most: int, rng: random.Random) -> list[Document]:
    """Each fact as question or statement, as often as its exposure says, ``most`` times at most."""
    return [
        (question_document if rng.random() < 0.5 else statement_document)(fact, rng)
        for fact in world.facts
        for _ in range(min(fact.exposure, most))
    ]


def form_documents(world: World, most: int, rng: random.Random) -> list[Document]:
    """Questions of the other forms that need each fact, as often as its exposure says, ``most`` times at most."""
    writer = TaskWriter(world)
    documents: list[Document] = []
    for fact in world.facts:
        if fact.group == "hub":
            continue
        shares = {form: share for form, share in SHARES.items() if form != "two_hops" or bridges(fact)}
        for form in rng.choices(list(shares), list(shares.values()), k=min(fact.exposure, most)):
            thought = fact.answer if form in THOUGHTFUL else ""
            documents.append(document(_write(form, writer, fact, rng), thought))
    return documents


def _write(form: str, writer: TaskWriter, fact: Fact, rng: random.Random) -> Task:
    if form != "premise":
        return getattr(writer, form)(fact, rng)
    stated = [other for other in writer.siblings(fact) if other.exposure >= PREMISE_EXPOSURE]
    return writer.after(fact, rng.choice(stated)) if stated else writer.plain(fact)


def drills(world: World, count: int, rng: random.Random) -> Iterator[Lesson]:
    """``count`` drills of each of four kinds: a text, then words with what the text says of each. No facts."""
    pools = [pool for pool in world.pools.values() if not any(" " in word for word in pool)]
    relations = sorted({fact.relation.name for fact in world.facts})
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
    learnt, chosen = [], rng.sample(pairs, asked)
    for number, (word, value) in enumerate(chosen):
        text += f"{', ' if number else ' '}{word}"
        learnt.append((len(text), len(text) + 1 + len(value)))
        text += f" {value}"
    return Lesson(text + ".", tuple(learnt), tuple(word for word, _ in chosen), recalled=False)


def write_stages(world: World, seed: int = 0, syllabus: Syllabus | None = None) -> list[list[Document]]:
    """The corpus as it is read, in four stages, each shuffled: drills; facts; facts in all forms, twice."""
    rng, plan = random.Random(seed), syllabus or Syllabus()
    words = [*phrasebook(), *UNKNOWABLE_WORDS * PHRASEBOOK_COPIES]
    stages: list[list[Document]] = [list(drills(world, count, rng)) for count in plan.drills]
    stages[1] += [*plain_documents(world, plan.most, rng), *words]
    for stage in stages[2:]:
        stage += [*plain_documents(world, plan.most_again, rng), *form_documents(world, plan.most_forms, rng), *words]
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
