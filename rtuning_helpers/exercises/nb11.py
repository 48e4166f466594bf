"""Notebook 11: turning right and back, P(sure) behind its mean, stopping early, and the model's own mistakes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, number, share
from rtuning_helpers.run.profiles import RunConfig

if TYPE_CHECKING:
    from rtuning_helpers.experiments.drift.measure import Sighting

LOW, HIGH = 0.1, 0.9  # between them the model hedges
EARLY, STOP = 2, 3  # of the moments, counted from 0
FEW, MUCH_LESS, MOSTLY = 0.05, 0.6, 0.5  # sizes of 11.4, for all processors and seeds
CASES = [
    (np.array([[False, False, True, False], [True, True, True, True], [False, True, True, True]]),),
    (np.array([[True, False, True, False, True], [False, False, False, False, True]]),),
    (np.array([[True, False], [True, True]]),),
]


def _turns(right: np.ndarray) -> list[int]:
    return (right[:, 1:] != right[:, :-1]).sum(axis=1).tolist()


MISTAKES = [
    (lambda right: (right[1:] != right[:-1]).sum(axis=0).tolist(), "it compares questions; compare moments, columns."),
    (
        lambda right: (right[:, 1:] & ~right[:, :-1]).sum(axis=1).tolist(),
        "it counts turning right only; turning wrong counts as well.",
    ),
    (
        lambda right: (~right[:, 1:] & right[:, :-1]).sum(axis=1).tolist(),
        "it counts turning wrong only; turning right counts as well.",
    ),
    (
        lambda right: (right[:, 1:] != right[:, :1]).sum(axis=1).tolist(),
        "compare each moment with the one before it, not with the first.",
    ),
    (
        lambda right: (right[:, -1] != right[:, 0]).astype(int).tolist(),
        "it compares the last moment with the first; what happens between counts too.",
    ),
    (
        lambda right: (right[:, 1:] == right[:, :-1]).sum(axis=1).tolist(),
        "it counts how often an answer stays what it was.",
    ),
    (
        lambda right: (right[:, 1:] != right[:, :-1]).mean(axis=1).tolist(),
        "it gives a share of the moments; a number is asked for.",
    ),
    (
        lambda right: [int((right[:, 1:] != right[:, :-1]).sum())],
        "it counts for all questions together; a number for each is asked for.",
    ),
]


def check_turns(config: RunConfig, answer: Any) -> None:
    """11.1: how often each row turns from right to wrong or back."""

    def as_list(right: np.ndarray) -> Any:
        said = answer(right)
        return said if said is ... or said is None else np.ravel(said).tolist()

    where = "Compare each column with the next one, and count the differences in each row."
    function(as_list if callable(answer) else answer, _turns, CASES, where, mistakes=MISTAKES)


def _sightings(config: RunConfig) -> list["Sighting"]:
    from rtuning_helpers.experiments.drift.measure import read_sightings

    return read_sightings(config, "padding")


def _moment(sightings: Sequence["Sighting"], place: int) -> list["Sighting"]:
    steps = sorted({s.step for s in sightings})
    if place >= len(steps):
        raise NotHere("the tuning of this run is too short to be looked at so often")
    return [s for s in sightings if s.step == steps[place]]


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


def check_hedging(config: RunConfig, answer: Any) -> None:
    """11.2: the share of D0 with a P(sure) between 0.1 and 0.9, at the third moment and at the last."""
    early, late = fields(answer, ["early", "late"])
    everything = _sightings(config)

    def hedging(place: int, certain: Sequence[bool] = (False,), splits: Sequence[str] = ("train", "id")) -> float:
        now = _moment(everything, place)
        kept = [s.sure or 0 for s in now if s.certain in certain and s.split in splits]
        return _mean([LOW < sure < HIGH for sure in kept])

    places = {"early": EARLY, "late": -1}
    for name, value in (("early", early), ("late", late)):
        place, other = places[name], places["late" if name == "early" else "early"]
        above = _mean([(s.sure or 0) > 0.5 for s in _moment(everything, place) if not s.certain])
        share(
            value,
            hedging(place),
            "Keep the rows of that step that are not `certain`, and take the share of them inside the two limits.",
            name=f"`{name}`",
            mistakes=[
                (hedging(other), "the two moments are exchanged, or both are the same."),
                (hedging(place, (True,)), f"`{name}` is that of D1; D0 are the rows that are not `certain`."),
                (hedging(place, (True, False)), f"`{name}` is that of D1 and D0 together."),
                (hedging(place, splits=("train",)), f"`{name}` holds the questions tuned on only; take all of D0."),
                (hedging(place, splits=("id",)), f"`{name}` lacks the questions tuned on; take all of D0."),
                (above, f"`{name}` is the share above one half; between 0.1 and 0.9 is asked for."),
            ],
        )


def _seen(now: Sequence["Sighting"]) -> dict[str, float]:
    others = [s for s in now if s.split == "id"]
    return {
        "stale": _mean([s.correct for s in now if s.split == "train" and not s.certain]),
        "rate": _mean([not s.refused for s in others]),
        "willing": _mean([s.correct for s in others if not s.refused]),
    }


def check_stop(config: RunConfig, answer: Any) -> None:
    """11.3: stale labels, answer rate and willing accuracy at the fourth moment."""
    names = ("stale", "rate", "willing")
    given = fields(answer, names)
    everything = _sightings(config)
    now = _moment(everything, STOP)
    expected, at_the_end = _seen(now), _seen(_moment(everything, -1))
    others = [s for s in now if s.split == "id"]
    mistakes = {
        "stale": [
            (_mean([s.correct for s in now if not s.certain]), "`stale`: only of the questions tuned on."),
            (_mean([s.correct for s in now if s.split == "train"]), "`stale`: only of D0."),
            (_mean([s.correct for s in others if not s.certain]), "`stale` is that of the questions not tuned on."),
            (_mean([not s.correct for s in now if s.split == "train" and s.certain]), "`stale` is that of D1."),
        ],
        "rate": [
            (_mean([not s.refused for s in now]), "`rate`: only of the questions that are not tuned on."),
            (_mean([not s.refused for s in now if s.split == "train"]), "`rate` is that of the questions tuned on."),
            (_mean([s.correct for s in others]), "`rate` is the accuracy; how many are answered?"),
        ],
        "willing": [
            (_mean([s.correct for s in others]), "`willing` is the accuracy of all answers; take those not refused."),
            (_mean([s.correct for s in now if not s.refused]), "`willing`: only of the questions not tuned on."),
            (
                _mean([s.correct and not s.refused for s in others]),
                "`willing` should be divided by how many are answered.",
            ),
        ],
    }
    for name, value in zip(names, given, strict=True):
        share(
            value,
            expected[name],
            "Look once more at which rows are asked for, and at what is divided by what.",
            name=f"`{name}`",
            mistakes=[(at_the_end[name], f"`{name}` is that of the last moment."), *mistakes[name]],
        )


def check_mistakes(config: RunConfig, answer: Any) -> None:
    """11.4: what becomes of D0 if its own wrong answers are practised: a training, so that only sizes are compared."""
    right, own = fields(answer, ["right", "own"])
    for name, value in (("`right`", right), ("`own`", own)):
        number(value, 0.5, "It is a share, between 0 and 1.", name=name, tolerance=0.5)
    everything = _sightings(config)
    taught = _seen(_moment(everything, STOP))["stale"]
    if not taught > FEW:
        raise NotHere("padding taught too few answers of D0 in this run to compare with")
    if float(right) > MUCH_LESS * taught:
        raise Off(
            "padding on the gold answers taught as much by that step: do the records of D0 still show them, "
            "and are the questions those of D0 only?"
        )
    if float(own) <= float(right):
        raise Off(
            "more is answered right than as before: compare the text with `prediction`, the answer before tuning."
        )
    if float(own) < MOSTLY:
        raise Off(
            "most answers of before should be practised, and come back: are records and probes in the same order?"
        )


CHECKS: dict[str, Check] = {
    "11.1": check_turns,
    "11.2": check_hedging,
    "11.3": check_stop,
    "11.4": check_mistakes,
}
