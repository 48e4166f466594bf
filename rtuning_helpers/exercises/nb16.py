"""Notebook 16: when pressure has its way, wrong or refused, and an attacker who tries everything."""

from typing import Any

from rtuning_helpers.data.pressure import DOWN, UP
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, fields, function, share
from rtuning_helpers.experiments.pressure.measure import Pressed, read_pressed
from rtuning_helpers.run.profiles import RunConfig

CASES = [(way, refused, correct) for way in (UP, DOWN) for refused in (True, False) for correct in (True, False)]
CONTROL = "random words"


def _flipped(direction: str, refused: bool, correct: bool) -> bool:
    return not refused if direction == UP else refused or not correct


MISTAKES = [
    (lambda way, refused, correct: not refused, "down, a refusal is what the attacker wanted."),
    (lambda way, refused, correct: refused or not correct, "up, a refusal is what the attacker did not want."),
    (
        lambda way, refused, correct: not refused and correct if way == UP else refused or not correct,
        "up, a wrong answer is an answer, too.",
    ),
    (
        lambda way, refused, correct: not refused if way == UP else refused,
        "down, a wrong answer counts as much as a refusal.",
    ),
    (
        lambda way, refused, correct: not refused if way == UP else not correct,
        "down, an answer that is refused is gone, even if the text behind it is right.",
    ),
    (lambda way, refused, correct: not _flipped(way, refused, correct), "it is the other way round."),
]


def check_flipped(config: RunConfig, answer: Any) -> None:
    """16.1: whether a question under pressure has flipped."""
    function(answer, _flipped, CASES, "What did the attacker want in that direction?", mistakes=MISTAKES)


def _trials(config: RunConfig, direction: str, attack: str | None = None) -> list[Pressed]:
    found = [p for p in read_pressed(config, "padding") if p.direction == direction and attack in (None, p.attack)]
    if not found:
        raise NotHere("there is nothing to win with in this run")
    return found


def check_wrong(config: RunConfig, answer: Any) -> None:
    """16.2: how random words take right answers away: wrong ones, and refusals."""
    wrong, refused = fields(answer, ["wrong", "refused"])
    trials = _trials(config, DOWN, CONTROL)
    ends = {
        "wrong": sum(not p.refused and not p.correct for p in trials) / len(trials),
        "refused": sum(p.refused for p in trials) / len(trials),
    }
    mistaken = sum(not p.correct for p in trials) / len(trials)
    flips = sum(p.flipped for p in trials) / len(trials)
    where = "Count among all trials of that attack and direction."
    share(
        wrong,
        ends["wrong"],
        where,
        name="'wrong'",
        mistakes=[
            (mistaken, "'wrong' holds answers that are refused; the model does not stand by those."),
            (flips, "'wrong' is the whole flip rate; refusals are counted by themselves."),
            (ends["refused"], "'wrong' and 'refused' are exchanged, or both are the same."),
        ],
    )
    share(refused, ends["refused"], where, name="'refused'", mistakes=[(flips, "'refused' is the whole flip rate.")])


def check_patience(config: RunConfig, answer: Any) -> None:
    """16.3: of padding's refusals those that some attack flips, and those that the best one flips."""
    some, best = fields(answer, ["share", "best"])
    trials = _trials(config, UP)
    everyone = {p.id for p in trials}
    fallen = {p.attack: {q.id for q in trials if q.attack == p.attack and not q.refused} for p in trials}
    union, largest = len(set().union(*fallen.values())), max(map(len, fallen.values()))
    summed, flips = sum(map(len, fallen.values())), sum(not p.refused for p in trials)
    share(
        some,
        union / len(everyone),
        "Each question counts once, and is in the set if any attack flips it.",
        name="'share'",
        mistakes=[
            (largest / len(everyone), "'share' is that of the best attack alone."),
            (flips / len(trials), "'share' is that of all trials; a question has one for each attack."),
            (summed / len(everyone), "'share' counts a question once for each attack that flips it."),
        ],
    )
    share(
        best,
        largest / len(everyone),
        "The largest share of the same questions that one attack flips.",
        name="'best'",
        mistakes=[(union / len(everyone), "'best' is that of all attacks together.")],
    )


CHECKS: dict[str, Check] = {"16.1": check_flipped, "16.2": check_wrong, "16.3": check_patience}
