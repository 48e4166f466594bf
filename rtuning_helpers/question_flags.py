"""Questions that a table should also be shown without: answers that stand in the question, contradictions, repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from rtuning_helpers.matching import matches


class Asked(Protocol):
    """Anything with a question and its gold answer: a Question, a Probe, a Prediction."""

    question: str
    answer: str


@dataclass(frozen=True)
class QuestionFlags:
    """What is doubtful about one question.

    Attributes:
        answer_in_question: The gold answer stands in the question, so that echoing it counts as right.
        contradictory: The same question stands in the set with another gold answer, so that no model can get both.
        repeated: The same question and answer stand further up in the set.
        in_training: The same question is a training question.
    """

    answer_in_question: bool
    contradictory: bool
    repeated: bool
    in_training: bool

    @property
    def any(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def flag_questions(
    questions: Sequence[Asked], training: Sequence[Asked] = (), rule: str = "substring"
) -> list[QuestionFlags]:
    """Flag each question of a set; spaces at the ends of a question do not count.

    Args:
        questions: The set, in order.
        training: The training questions, where known.
        rule: How an answer is found in the question, see `matching.matches`; the released grading is ``"substring"``.
    """
    trained = {q.question.strip() for q in training}
    golds: dict[str, set[str]] = {}
    for q in questions:
        golds.setdefault(q.question.strip(), set()).add(q.answer)
    seen: set[tuple[str, str]] = set()
    found = []
    for q in questions:
        text = q.question.strip()
        found.append(
            QuestionFlags(
                answer_in_question=matches(text, q.answer, rule),
                contradictory=len(golds[text]) > 1,
                repeated=(text, q.answer) in seen,
                in_training=text in trained,
            )
        )
        seen.add((text, q.answer))
    return found


def subsets(flags: Sequence[QuestionFlags]) -> dict[str, list[int]]:
    """Row numbers to keep, for each way of cleaning a set: all, without each kind of flag, without any."""
    kept = {"all questions": list(range(len(flags)))}
    for field in fields(QuestionFlags):
        label = "without " + {"answer_in_question": "answer in question"}.get(field.name, field.name).replace("_", " ")
        kept[label] = [row for row, flag in enumerate(flags) if not getattr(flag, field.name)]
    kept["without any of these"] = [row for row, flag in enumerate(flags) if not flag.any]
    return kept
