"""Notebook 10: a label rule that distrusts favourites, fewer samples, and three right rotations of four."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import product
from math import comb
from typing import Any, NamedTuple

from rtuning_helpers import steps
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, fields, function, number, share
from rtuning_helpers.experiments.labels.measure import BANDS, knowledge_band, right_samples
from rtuning_helpers.run.profiles import RunConfig

FEW = 3  # samples
OPTIONS, ENOUGH = 4, 3  # right rotations


class Probed(NamedTuple):
    """What a case of 10.1 needs of a probe."""

    relation: str
    prediction: str
    answer: str
    correct: bool


def _probed(relation: str, *pairs: str) -> list[Probed]:
    """Probes of one relation from "prediction gold" each."""
    return [Probed(relation, said, gold, said == gold) for said, gold in map(str.split, pairs)]


BORN = _probed("born", "Paris Paris", "Paris Rome", "Rome Rome", "Paris Oslo", "Oslo Oslo", "Oslo Oslo")
DIED = _probed("died", "Rome Rome", "Rome Oslo", "Paris Paris", "Rome Oslo", "Paris Oslo", "Paris Paris", "Rome Oslo")
CASES = [(BORN,), (DIED,), ([*BORN, *DIED],), ([*DIED, *BORN],), (BORN[2:3],)]

Key = Callable[[Any], Any]


def _favourites(probes: Sequence[Any], key: Key, said: Key) -> dict[Any, str]:
    counts: dict[Any, Counter[str]] = defaultdict(Counter)
    for p in probes:
        counts[key(p)][said(p)] += 1
    return {name: counter.most_common(1)[0][0] for name, counter in counts.items()}


def _prior(probes: Sequence[Any]) -> dict[Any, str]:
    return _favourites(probes, lambda p: p.relation, lambda p: p.prediction)


def _beyond(probes: Sequence[Any]) -> list[bool]:
    favourite = _prior(probes)
    return [p.correct and p.prediction != favourite[p.relation] for p in probes]


def _beyond_one_favourite(probes: Sequence[Any]) -> list[bool]:
    favourite = _favourites(probes, lambda p: None, lambda p: p.prediction)[None]
    return [p.correct and p.prediction != favourite for p in probes]


def _beyond_gold_favourites(probes: Sequence[Any]) -> list[bool]:
    favourite = _favourites(probes, lambda p: p.relation, lambda p: p.answer)
    return [p.correct and p.prediction != favourite[p.relation] for p in probes]


def _beyond_right_favourites(probes: Sequence[Any]) -> list[bool]:
    right = [p for p in probes if p.correct]
    favourite = _prior(right)
    return [p.correct and p.prediction != favourite[p.relation] for p in probes]


MISTAKES = [
    (
        lambda probes: [p.prediction != _prior(probes)[p.relation] for p in probes],
        "a wrong answer is called certain too: it must be right as well.",
    ),
    (
        lambda probes: [p.correct and p.prediction == _prior(probes)[p.relation] for p in probes],
        "it keeps the right answers that *are* the favourite; keep the others.",
    ),
    (
        lambda probes: [p.correct or p.prediction != _prior(probes)[p.relation] for p in probes],
        "both must hold, that it is right *and* that it is no favourite.",
    ),
    (lambda probes: [not certain for certain in _beyond(probes)], "True and False are exchanged."),
    (_beyond_one_favourite, "it has one favourite for all; count for each relation by itself."),
    (_beyond_gold_favourites, "it counts the gold answers; the model's favourites are asked for."),
    (_beyond_right_favourites, "it counts right answers only; the wrong ones show what the model favours."),
    (lambda probes: [p.correct for p in probes], "it drops nothing: is the favourite counted for each relation?"),
]


def check_rule(config: RunConfig, answer: Any) -> None:
    """10.1: which answers are right and not the model's favourite, as a function of the probes."""
    where = "Count the predictions of each relation, find its most frequent one, and judge each probe."
    function(answer, _beyond, CASES, where, mistakes=MISTAKES)


def check_fewer(config: RunConfig, answer: Any) -> None:
    """10.2: facts never read, and all, that are highly known by the first three samples."""
    three, of = fields(answer, ["three", "of"])
    probes = steps.read_probes(config)
    if any(p.exposure is None for p in probes):
        raise NotHere("nobody knows the exposures of this data; dataset mini has them")
    answers = [u.answers for u in steps.read_uncertainty(config)]
    samples = right_samples(steps.questions(config, "train"), answers)

    def in_band(band: str, k: int | None = FEW) -> list[int]:
        pairs = zip(probes, samples, strict=True)
        return [p.exposure or 0 for p, row in pairs if knowledge_band(p.correct, row[:k]) == band]

    found, with_all, maybe = in_band(BANDS[0]), in_band(BANDS[0], None), in_band(BANDS[1])
    number(
        of,
        len(found),
        "Count the questions whose band is the first of `BANDS`.",
        name="`of`",
        tolerance=0,
        mistakes=[
            (len(with_all), "`of` is that of all samples; give the first three to `knowledge_band`."),
            (len(maybe), "`of` counts the *maybe known*."),
            (len(found) / len(probes), "`of` is a count, not a share."),
            (sum(all(row[:FEW]) for row in samples), "`of`: the greedy answer must be right as well as the samples."),
        ],
    )
    number(
        three,
        found.count(0),
        "Count those of `of` whose `exposure` is 0.",
        name="`three`",
        tolerance=0,
        mistakes=[
            (with_all.count(0), "`three` is that of all samples; give the first three to `knowledge_band`."),
            (maybe.count(0), "`three` counts the *maybe known*."),
            (sum(p.exposure == 0 for p in probes), "`three` counts all facts never read, whatever their band."),
            (len(found), "`three` counts all exposures; take exposure 0."),
        ],
    )


def check_rotations(config: RunConfig, answer: Any) -> None:
    """10.3: the share of guesses that are right in three or four of four rotations."""
    by_lot, always_a = fields(answer, ["random", "always_a"])
    guess = 1 / OPTIONS
    cases = [sum(row) for row in product([True] + [False] * (OPTIONS - 1), repeat=OPTIONS)]
    expected = sum(right >= ENOUGH for right in cases) / len(cases)
    one_way = guess**ENOUGH * (1 - guess)
    share(
        by_lot,
        expected,
        "Add the chances of all ways to be right three times of four, and four times of four.",
        name="'random'",
        mistakes=[
            (guess, "'random' is that of one question; four are asked."),
            (comb(OPTIONS, ENOUGH) * one_way, "'random': four right of four is enough as well."),
            (one_way, "'random': the wrong one of the four may be any; count all ways."),
            (guess**ENOUGH, "'random' is the chance that three given ones are right; any three of four will do."),
            (comb(OPTIONS, ENOUGH) * guess**ENOUGH, "'random': in three right of four, the fourth must be wrong."),
            (guess**OPTIONS, "'random' is that of four right of four; three are enough."),
        ],
    )
    share(
        always_a,
        0.0,
        "In how many of the four rotations does the right option stand at A?",
        name="'always_a'",
        mistakes=[
            (guess, "'always_a' is that of one question; in how many of four rotations is it right?"),
            (expected, "'always_a' is no guess by lot: how often does the right option stand at A?"),
        ],
    )


CHECKS: dict[str, Check] = {
    "10.1": check_rule,
    "10.2": check_fewer,
    "10.3": check_rotations,
}
