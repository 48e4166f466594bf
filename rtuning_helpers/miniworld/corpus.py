"""The corpus that the mini language model reads: each fact as often as its exposure says.

A *document format* is a function from a fact to one text. Further task formats (multiple choice, claims with evidence,
...) are added to ``FORMATS``; every occurrence of a fact in any format counts as an exposure, so a format that must
not teach a fact has to bring facts of its own.
"""

import random

from rtuning_helpers.data import prompts
from rtuning_helpers.data.world.world import Fact, World

PHRASEBOOK_COPIES = 60  # each fixed sentence of the prompts, as a document of its own


def question_document(fact: Fact, rng: random.Random) -> str:
    """The fact as question and answer, in exactly the prompt that probing uses."""
    return prompts.question_prompt(fact.question) + prompts.answer_completion(fact.answer)


def statement_document(fact: Fact, rng: random.Random) -> str:
    """The fact as a sentence, in one of the relation's three wordings."""
    return fact.stated(rng.choice(fact.relation.statements))


FORMATS = (question_document, statement_document)  # equally often


def phrasebook() -> list[str]:
    """The fixed sentences of R-Tuning, without any question in front.

    They teach the model the words (so that their embeddings are trained) and say nothing about what it knows: each
    sentence stands as often as every other, "sure" as often as "unsure".
    """
    sureness = [prompts.SURENESS_QUESTION + word + "." for word in (prompts.SURE, prompts.UNSURE)]
    return [sentence for sentence in (*prompts.REFUSALS, *sureness * 4) for _ in range(PHRASEBOOK_COPIES)]


def write_corpus(world: World, seed: int = 0) -> list[str]:
    """All documents, shuffled: ``fact.exposure`` documents for each fact, and the phrasebook."""
    rng = random.Random(seed)
    documents = [writer(fact, rng) for fact in world.facts for writer in rng.choices(FORMATS, k=fact.exposure)]
    documents += phrasebook()
    rng.shuffle(documents)
    return documents
