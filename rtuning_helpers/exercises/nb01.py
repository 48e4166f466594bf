"""Notebook 01: matching rules, luck in D1, and the same facts in other words."""

import re
from typing import Any

from rtuning_helpers import steps
from rtuning_helpers.data.matching import RULES, matches
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, listed, number, share
from rtuning_helpers.run.profiles import RunConfig

PAIRS = 3
REMOVED = 0.9  # of the luck
OLD_WORDS, NEW_WORDS = "In which city was ", "Where was "
CASES = [
    ("Paris", "Lyon"),
    ("New York City", "York"),
    ("Paris in France", "Paris"),
    ("Stuttgart", "art"),
    ("MOSCOW", "Moscow"),
    ("the Art of Fugue", "art"),
    ("It is Lyon.", "Lyon"),
    ("the music of Johann Bach", "Johann Bach"),
    ("Johann Sebastian Bach", "Johann Bach"),
    ("Bach, Johann", "Johann Bach"),
    ("art", "the art of fugue"),
]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _stand_in_a_row(words: list[str], wanted: list[str]) -> bool:
    return any(words[k : k + len(wanted)] == wanted for k in range(len(words)))


MISTAKES = [
    (lambda said, gold: matches(said, gold, "substring"), "it finds 'art' in 'Stuttgart': compare words, not letters."),
    (lambda said, gold: gold.lower() in said.lower(), "it finds 'art' in 'Stuttgart': compare words, not letters."),
    (lambda said, gold: said.lower() == gold.lower(), "the answer may say more than the gold answer: 'contains'."),
    (lambda said, gold: _stand_in_a_row(_words(said), _words(gold)), "'MOSCOW' is 'Moscow' too: the case may differ."),
    (
        lambda said, gold: set(_words(gold.lower())) <= set(_words(said.lower())),
        "the gold answer's words must stand one after the other, in their order: 'Bach, Johann' is not 'Johann Bach'.",
    ),
    (
        lambda said, gold: _stand_in_a_row(said.lower().split(), gold.lower().split()),
        "'It is Lyon.' contains 'Lyon': a full stop is no part of a word.",
    ),
    (
        lambda said, gold: _stand_in_a_row(_words(said.lower())[:-1], _words(gold.lower())),
        "'MOSCOW' is 'Moscow' too: it does not look at the last place where the gold words could stand.",
    ),
    (
        lambda said, gold: matches(gold, said),
        "it looks for the model's answer in the gold answer; it is the other way round.",
    ),
]


def check_rule(config: RunConfig, answer: Any) -> None:
    """01.1: the rule "words" as a function of the model's answer and the gold answer."""
    where = "Split both texts into words of small letters, and look where the gold words stand in a row."
    function(answer, matches, CASES, where, mistakes=MISTAKES)


def check_pairs(config: RunConfig, answer: Any) -> None:
    """01.2: pairs of model answer and gold answer on which both rules are wrong, with what would be right."""
    rows = listed(answer) if isinstance(answer, (list, tuple)) else []
    if not all(isinstance(row, (list, tuple)) and list(map(type, row)) == [str, str, bool] for row in rows) or not rows:
        raise Off("give a list of (model says, gold answer, True or False): whether you would call the answer right.")
    for number_of, (said, gold, is_right) in enumerate(rows, start=1):
        for rule in RULES:
            if matches(said, gold, rule) == is_right:
                raise Off(
                    "pair {number}: the rule {rule!r} says {verdict}, as you do. Both rules must be wrong.",
                    number=number_of,
                    rule=rule,
                    verdict=is_right,
                )
    if len({(said, gold) for said, gold, _ in rows}) < PAIRS:
        raise Off("so far so good; {wanted} different pairs are asked for.", wanted=PAIRS)


def check_threshold(config: RunConfig, answer: Any) -> None:
    """01.3: the confidence below which nine tenths of the luck in D1 lie, and the share of the rest that lies there."""
    threshold, cost = fields(answer, ["threshold", "cost"])
    certain = [p for p in steps.read_probes(config) if p.correct]
    if any(p.exposure is None for p in certain):
        raise NotHere("nobody knows the exposures of this data; dataset mini has them")
    lucky = [p.confidence for p in certain if p.exposure == 0]
    rest = [p.confidence for p in certain if p.exposure]
    if not lucky or not rest:
        raise NotHere("there is no luck, or nothing but luck, in D1 of this run")
    number(threshold, 0.5, "It is a confidence, between 0 and 1.", name="the threshold", tolerance=0.5)
    removed, wanted = sum(confidence < threshold for confidence in lucky), REMOVED * len(lucky)
    if abs(removed - wanted) > max(1, 0.06 * len(lucky)):
        if removed > wanted:
            raise Off("below your threshold lies more than nine tenths of the luck. Sort the lucky confidences.")
        raise Off("below your threshold lies less than nine tenths of the luck. Sort the lucky confidences.")
    lost = sum(confidence < threshold for confidence in rest)
    share(
        cost,
        lost / len(rest),
        "Count, of the answers in D1 with an exposure above 0, those below your threshold; divide by all of them.",
        name="the cost",
        mistakes=[
            (lost / (lost + removed), "the cost is a share of the known questions, not of what is removed."),
            (
                lost / len(steps.read_probes(config)),
                "the cost is a share of the known questions, not of all questions.",
            ),
        ],
    )


def check_reworded(config: RunConfig, answer: Any) -> None:
    """01.4: what `probe` returns for all birthplace questions in other words."""
    before = {p.id: p for p in steps.read_probes(config) if p.question.startswith(OLD_WORDS)}
    if not before:
        raise NotHere("no training question of this run begins with {words!r}", words=OLD_WORDS)
    if not isinstance(answer, (list, tuple)) or not all(hasattr(p, "prediction") for p in answer):
        raise Off("give the list that `probe(lm, reworded)` returns.")
    if all(p.question == before[p.id].question for p in answer if p.id in before):
        raise Off("the questions still have their old words: `replace` returns a new question and leaves the old one.")
    for p in answer:
        old = before.get(p.id)
        if old is None:
            raise Off(
                "{question!r} is no birthplace question: take those that begin with {words!r}.",
                question=p.question,
                words=OLD_WORDS,
            )
        if p.question != NEW_WORDS + old.question.removeprefix(OLD_WORDS):
            raise Off(
                "{question!r} is not what was asked for: look at the spaces and at what was cut off.",
                question=p.question,
            )
        if p.answer != old.answer:
            raise Off("only the question's words may change; the gold answer stays.")
    if len({p.id for p in answer}) < len(before):
        raise Off(
            "so far so good; but the run has {wanted} such questions, and these are {given}.",
            wanted=len(before),
            given=len(answer),
        )


CHECKS: dict[str, Check] = {
    "01.1": check_rule,
    "01.2": check_pairs,
    "01.3": check_threshold,
    "01.4": check_reworded,
}
