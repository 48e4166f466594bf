"""Solved examples for the style few-shot, drawn from the training questions."""

import random
from collections.abc import Sequence

from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError

LEAST_LEFT = 2  # training questions


def draw_examples(training: Sequence[Question], count: int, seed: int) -> tuple[Question, ...]:
    """Draw solved examples of each kind (data set and task) of the training questions, each of another relation.

    Where there are fewer relations than examples are asked for, each gives one before any gives another. Unanswerable
    questions, which have nothing to show, and questions that bring examples of their own are passed over.

    Args:
        training: The training questions.
        count: Examples of each kind.
        seed: Seed of the draw.

    Returns:
        The examples, kind by kind; within a kind in the order in which prompts show them.

    Raises:
        InputError: There are not so many, or hardly a question would be left to train on.
    """
    kinds: dict[tuple[str, str], list[Question]] = {}
    for question in training:
        if question.answerable and not question.shots:
            kinds.setdefault((question.dataset, question.task), []).append(question)
    if not kinds:
        raise InputError(
            "parameter style few-shot: the training questions bring examples of their own, or have no answers to show; "
            "expected another style"
        )
    drawn: list[Question] = []
    for number, ((dataset, _), questions) in enumerate(kinds.items()):
        if len(questions) < count + LEAST_LEFT:
            raise InputError(
                f"parameter shots {count}: data set {dataset} has {len(questions)} training questions that could be "
                f"shown, and {LEAST_LEFT} must be left to train on; expected at most "
                f"{max(len(questions) - LEAST_LEFT, 0)}"
            )
        drawn += _of_different_relations(questions, count, random.Random(f"{seed}/{number}"))
    return tuple(drawn)


def _of_different_relations(questions: Sequence[Question], count: int, rng: random.Random) -> list[Question]:
    relations: dict[str, list[Question]] = {}
    for question in rng.sample(questions, len(questions)):
        relations.setdefault(question.relation, []).append(question)
    rounds = max(map(len, relations.values()))
    in_turn = [found[turn] for turn in range(rounds) for found in relations.values() if turn < len(found)]
    return in_turn[:count]
