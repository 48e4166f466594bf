"""Rows that every table needs beside it: what one gets without a model, or without a judgement."""

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from rtuning_helpers.data.questions import Question
from rtuning_helpers.evaluation.predictions import Prediction


class Asked(Protocol):
    """Anything with a question, its relation and its gold answer: a Question, a Probe, a Prediction."""

    @property
    def question(self) -> str: ...
    @property
    def relation(self) -> str: ...
    @property
    def answer(self) -> str: ...


def relation_majority(training: Sequence[Asked], test: Sequence[Asked]) -> list[str]:
    """For each test question the answer most frequent for its relation in training; "" for an unseen relation.

    Ties go to the answer that comes first in the alphabet.
    """
    counts: dict[str, Counter] = {}
    for question in training:
        counts.setdefault(question.relation, Counter())[question.answer] += 1
    best = {relation: min(count, key=lambda a: (-count[a], a)) for relation, count in counts.items()}
    return [best.get(question.relation, "") for question in test]


def template_confidence(training: Sequence[Question], certain: Sequence[bool], test: Sequence[Question]) -> list[float]:
    """A confidence without a model: the share of certain training questions of the same relation, 0 to 1.

    What it scores is what the wording of a question gives away; a sure confidence should do better. An unseen relation
    gets the share of all training questions.
    """
    counts: dict[str, list[bool]] = {}
    for question, known in zip(training, certain, strict=True):
        counts.setdefault(question.relation, []).append(known)
    overall = sum(certain) / len(certain)
    rates = {relation: sum(known) / len(known) for relation, known in counts.items()}
    return [rates.get(question.relation, overall) for question in test]


def most_confident(predictions: Sequence[Prediction], answer_rate: float) -> float:
    """Accuracy of a model that answers only the given share of the questions, those with the highest answer confidence.

    The fair opponent of a model that refuses: a threshold on the confidence that comes for free.
    """
    count = round(answer_rate * len(predictions))
    kept = sorted(predictions, key=attrgetter("answer_confidence"), reverse=True)[:count]
    return sum(p.correct for p in kept) / count if count else float("nan")


def trivial_rows(predictions: Sequence[Prediction]) -> list[dict]:
    """Always answer and always refuse, applied to a model's predictions: answer rate and willing accuracy, 0 to 1."""
    accuracy = sum(p.correct for p in predictions) / len(predictions)
    return [
        {"method": "always answer", "answer_rate": 1.0, "willing_accuracy": accuracy},
        {"method": "always refuse", "answer_rate": 0.0, "willing_accuracy": None},
    ]
