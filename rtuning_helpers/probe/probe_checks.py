"""What a probe is worth: empty answers, right answers that a constant answer would get, and whether to train on it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import OPEN, Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.trivial import relation_majority
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.run.profiles import AUTO, PLAIN
from rtuning_helpers.run.style_choice import MOST_EMPTY

LEAST = 5  # certain questions, and uncertain ones
FEW = 20  # questions below which one of each will do: a look at whether something runs
NAMED = 10  # constant answers


@dataclass(frozen=True)
class ConstantAnswer:
    """One answer to all questions of a group, and how far it gets.

    Attributes:
        group: A relation; or all questions with so many options, ``"4 options"``.
        answer: For a relation the gold answer that is most frequent among the questions, if it occurs twice; for
            options the letter that the model gives most often.
        asked: Questions of the group.
        right: Those which the constant answer gets right.
        certain: Those which the model and the constant answer get right.
    """

    group: str
    answer: str
    asked: int
    right: int
    certain: int


def constant_answers(questions: Sequence[Question], probes: Sequence[Probe]) -> list[ConstantAnswer]:
    """How many right answers one constant answer would get, group by group, those with most such answers first.

    Of questions with options a model that always says "A" gets every fourth right; of open questions of one relation,
    one that has only learnt the most frequent answer.

    Args:
        questions: As they were asked; unanswerable ones are passed over.
        probes: What the model made of each.
    """
    answerable = [(q, p) for q, p in zip(questions, probes, strict=True) if q.answerable]
    asked = [q for q, _ in answerable]
    letters: dict[int, Counter[str]] = {}
    for question, probe in answerable:
        if question.task != OPEN:
            letters.setdefault(len(question.options), Counter())[probe.prediction] += 1
    golds = Counter((q.relation, q.answer) for q in asked)
    found: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for (question, probe), majority in zip(answerable, relation_majority(asked, asked), strict=True):
        if question.task == OPEN:
            group, answer = question.relation, majority if golds[question.relation, majority] > 1 else ""
        else:
            count = len(question.options)
            group, answer = f"{count} options", letters[count].most_common(1)[0][0]
        if answer:
            right = is_right(question, answer)
            found.setdefault((group, answer), []).append((right, right and probe.correct))
    rows = [
        ConstantAnswer(group, answer, len(both), sum(r for r, _ in both), sum(c for _, c in both))
        for (group, answer), both in found.items()
    ]
    return sorted(rows, key=lambda row: (-row.certain, -row.right, row.group))


def probe_summary(questions: Sequence[Question], probes: Sequence[Probe]) -> dict:
    """What a probe's manifest says of its answers, as JSON values."""
    constants = constant_answers(questions, probes)
    certain = sum(p.correct for p in probes)
    return {
        "questions": len(probes),
        "certain": certain,
        "uncertain": len(probes) - certain,
        "empty_answers": sum(not p.prediction for p in probes),
        "constant_answers": {
            "right": sum(row.right for row in constants),
            "certain": sum(row.certain for row in constants),
            "largest": [asdict(row) for row in constants[:NAMED]],
        },
    }


def check_trainable_probe(probes: Sequence[Probe], model: str, style: str) -> None:
    """See to it that there is something to train on.

    Args:
        probes: What the untuned model answered to the training questions.
        model: What the user calls the model.
        style: The run's parameter.

    Raises:
        InputError: Fewer than 5 questions are certain, or fewer than 5 uncertain (1, where there are fewer than 20
            questions); or more than a third of the answers are empty.
    """
    certain, empty = sum(p.correct for p in probes), sum(not p.prediction for p in probes)
    least = LEAST if len(probes) >= FEW else 1
    found = f"{certain:,} of {len(probes):,} training questions are certain and {empty:,} answers are empty"
    found = f"parameter style {style}: with parameter model {model} {found}"
    if empty > MOST_EMPTY * len(probes) or certain < least:
        advice = "a model that knows some of them, or another data set"
        if style != AUTO:
            other = "few-shot" if style == PLAIN else PLAIN
            advice = f"parameter style {other}, or parameter style auto, which tries each style and takes the best"
        raise InputError(
            f"{found}, so that there is nothing to train on; expected at least {least} certain and at most a third "
            f"empty: try {advice}"
        )
    if len(probes) - certain < least:
        raise InputError(
            f"{found}, so that there is nothing to be unsure of; expected at least {least} uncertain: try a data set "
            "of which the model knows less"
        )
