"""Unknown twins of known questions, by class, and the refusal that says why: in the spirit of Deng et al. 2024.

Their model writes its own unanswerable questions from answerable ones; a mini model cannot, so the mini world does it.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from rtuning_helpers.data.questions import OPEN, Question
from rtuning_helpers.data.world.lexicon import ENDINGS
from rtuning_helpers.data.world.tasks import MADE_UP_PER_KIND, UNKNOWABLE, WRONG_FACT, TaskWriter
from rtuning_helpers.data.world.world import Fact, build_world, make_names

UNREAD, MISSING, PREMISE, UNKNOWABLE_ONE = "never read", "does not exist", "false premise", "not knowable"
REASONS = {
    UNREAD: "I do not know the answer, I did not read of it.",
    MISSING: "There is no known case, nothing is named like this.",
    PREMISE: "There is no right answer, the question is not right.",
    UNKNOWABLE_ONE: "It is impossible to know, there is no information.",
}
"""Class of unknown questions -> the refusal that says why. Each begins with one of the sixteen."""
NEW_WORDINGS = -1  # the last wording of each kind's unknowable questions is kept for tests


def unknown_twins(questions: Sequence[Question], seed: int = 0) -> list[tuple[str, str, Question]]:
    """For each question about the mini world three that cannot be answered, made from it.

    The thing it asks about becomes one that does not exist; a wrong fact is put before it; what nobody can know is
    asked instead. The made-up names are others than those of the data set ``mini-nec``.

    Args:
        questions: Any questions; those that are not plain ones about the mini world have no twins.
        seed: Of the draws.

    Returns:
        (id of the question, class, its twin) for each.
    """
    writer, facts, names = TaskWriter(build_world()), _facts(), _other_names()
    found = []
    for question in questions:
        fact = facts.get(question.question)
        if fact is None or question.task != OPEN or question.context:
            continue
        rng = random.Random(f"{seed} {question.id}")
        kind = fact.relation.kind
        asked = {
            MISSING: fact.relation.question.format(s=rng.choice(names[kind])),
            PREMISE: writer.false_premise(fact, rng, WRONG_FACT).question,
            UNKNOWABLE_ONE: rng.choice(UNKNOWABLE[kind][:NEW_WORDINGS]).format(s=fact.subject),
        }
        for reason, text in asked.items():
            twin = replace(question, id=f"{question.id} {reason}", question=text, answer="", answerable=False)
            found.append((question.id, reason, replace(twin, relation=reason, exposure=0)))
    return found


def reason_given(answer: str) -> str | None:
    """Which reason an answer gives: the class whose refusal it begins with, up to the comma; None for any other."""
    return next((reason for reason, text in REASONS.items() if answer.startswith(text.partition(",")[0])), None)


@cache
def _facts() -> dict[str, Fact]:
    return {fact.question: fact for fact in build_world().facts}


@cache
def _other_names() -> dict[str, list[str]]:
    writer = TaskWriter(build_world())
    taken = {word.lower() for f in writer.world.facts for word in (f.subject, *f.answer.split())}
    taken |= {name.lower() for names in writer.made_up.values() for name in names}
    rng = random.Random(len(taken))
    return {kind: make_names(kind, MADE_UP_PER_KIND, taken, rng) for kind in ENDINGS if kind in UNKNOWABLE}
