"""Questions that a table should also be shown without: answers given away, contradictions, repeats, easy guesses."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from rtuning_helpers.data.matching import matches
from rtuning_helpers.data.questions import OPEN
from rtuning_helpers.evaluation.trivial import Asked, relation_majority


@dataclass(frozen=True)
class QuestionFlags:
    """What is doubtful about one question."""

    answer_in_question: bool  # the gold answer stands in it, so that echoing it counts as right; a letter never does
    contradictory: bool  # it stands in the set with another gold answer, so that no model can get both
    repeated: bool  # the same question and answer stand further up in the set
    in_training: bool  # it is a training question
    majority_answer: bool  # most frequent of its relation in training: a guess without a model gets it right

    @property
    def any(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def flag_questions(
    questions: Sequence[Asked], training: Sequence[Asked] = (), rule: str = "substring"
) -> list[QuestionFlags]:
    """Flag each question of a set; spaces at the ends of a question do not count.

    Two questions with other options or another context contradict or repeat each other as little as two with other
    words, where they have any; ``in_training`` goes by the words alone.

    Args:
        questions: The set, in order.
        training: The training questions, where known.
        rule: How an answer is found in the question, and in the relation's most frequent answer, see
            `matching.matches`; the released grading is ``"substring"``.
    """
    trained = {q.question.strip() for q in training}
    golds: dict[tuple, set[str]] = {}
    for q in questions:
        golds.setdefault(_asked(q), set()).add(q.answer)
    seen: set[tuple] = set()
    found = []
    for q, guess in zip(questions, relation_majority(training, questions), strict=True):
        whole, text = _asked(q), q.question.strip()
        in_words = bool(q.answer) and getattr(q, "task", OPEN) == OPEN
        found.append(
            QuestionFlags(
                answer_in_question=in_words and matches(text, q.answer, rule),
                contradictory=len(golds[whole]) > 1,
                repeated=(*whole, q.answer) in seen,
                in_training=text in trained,
                majority_answer=bool(guess and q.answer) and matches(guess, q.answer, rule),
            )
        )
        seen.add((*whole, q.answer))
    return found


def _asked(q: Asked) -> tuple:
    """All that makes it the same question."""
    return q.question.strip(), getattr(q, "context", ""), getattr(q, "options", ())


def subsets(flags: Sequence[QuestionFlags]) -> dict[str, list[int]]:
    """Row numbers to keep, for each way of cleaning a set: all, without each kind of flag, without any."""
    kept = {"all questions": list(range(len(flags)))}
    for field in fields(QuestionFlags):
        label = "without " + field.name.replace("_", " ")
        kept[label] = [row for row, flag in enumerate(flags) if not getattr(flag, field.name)]
    kept["without any of these"] = [row for row, flag in enumerate(flags) if not flag.any]
    return kept
