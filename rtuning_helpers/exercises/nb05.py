"""Notebook 05: borders of P(sure), the Brier score, and a weight that is chosen fairly."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, number, share
from rtuning_helpers.language import tr
from rtuning_helpers.metrics import average_precision, brier
from rtuning_helpers.run.loaded_questions import evaluation_splits
from rtuning_helpers.run.profiles import RunConfig


class Answer(NamedTuple):
    """What a case of 05.1 needs of a prediction."""

    correct: bool
    sure_confidence: float
    answer_confidence: float

    def __repr__(self) -> str:  # short, so that a message has room for all of a case
        return f"{'right' if self.correct else 'wrong'} at {self.sure_confidence}"


FOUR = [Answer(True, 0.9, 0.2), Answer(True, 0.5, 0.6), Answer(False, 0.7, 0.95), Answer(False, 0.1, 0.4)]
CASES = [(FOUR, 0.3), (FOUR, 0.5), (FOUR, 0.8), (FOUR[:3], 0.0), (FOUR, 1.0)]


def _willing(answers: Sequence[Answer], border: float) -> tuple[float, float]:
    right = [p.correct for p in answers if p.sure_confidence > border]
    return len(right) / len(answers), sum(right) / len(right) if right else float("nan")


def _accuracy(answers: Sequence[Any]) -> float:
    return sum(p.correct for p in answers) / len(answers)


def _counted(answers: Sequence[Answer], border: float) -> tuple[float, float]:
    return len(answers) * _willing(answers, border)[0], _willing(answers, border)[1]


MISTAKES = [
    (lambda answers, border: _willing(answers, border)[::-1], "the answer rate comes first, then the accuracy."),
    (_counted, "the first number is how many are answered; divide it by how many there are."),
    (lambda answers, border: _willing(answers, 0.5), "it is the same at every border: is `border` used?"),
    (
        lambda answers, border: _willing([a._replace(sure_confidence=a.answer_confidence) for a in answers], border),
        "that is the answer confidence; `sure_confidence` is asked for.",
    ),
    (
        lambda answers, border: _willing([a._replace(sure_confidence=-a.sure_confidence) for a in answers], -border),
        "those below the border are the refused ones; an answered one lies above it.",
    ),
    (
        lambda answers, border: tuple(np.nan_to_num(_willing(answers, border))),
        'where nothing is answered, an accuracy of 0 would say that all was wrong: give `float("nan")`.',
    ),
    (
        lambda answers, border: (1 - _willing(answers, border)[0], _willing(answers, border)[1]),
        "the first number is how many are refused; how many are answered?",
    ),
    (
        lambda answers, border: (_willing(answers, border)[0], _accuracy(answers)),
        "the second number is the accuracy of all answers; take those that are given only.",
    ),
    (
        lambda answers, border: (
            _willing(answers, border)[0],
            sum(a.correct for a in answers if a[1] > border) / len(answers),
        ),
        "the second number should be divided by how many are answered.",
    ),
    (
        lambda answers, border: _willing(answers, border - 1e-9),
        "a P(sure) equal to the border is not above the border.",
    ),
    (
        lambda answers, border: tuple(100 * part for part in _willing(answers, border)),
        "shares, not percent, are asked for.",
    ),
]


def check_willing(config: RunConfig, answer: Any) -> None:
    """05.1: answer rate and accuracy, as a function of predictions and a border of P(sure)."""
    where = "Keep the predictions above the border; the pair is their share, and their accuracy."
    function(answer, _willing, CASES, where, mistakes=MISTAKES)


def _read(config: RunConfig, method: str) -> list[Prediction]:
    return steps.read_method_predictions(config, method, evaluation_splits(config)[0])


def check_brier(config: RunConfig, answer: Any) -> None:
    """05.2: the Brier scores of padding's two confidences on the first test."""
    given, judged = fields(answer, ["answer", "sure"]), _read(config, "padding")
    right = np.array([p.correct for p in judged], dtype=float)
    columns = [np.array([getattr(p, f"{name}_confidence") for p in judged], dtype=float) for name in ("answer", "sure")]
    scores = [float(brier(right, column)) for column in columns]
    for value, column, score, other, name in zip(given, columns, scores, scores[::-1], ("answer", "sure"), strict=True):
        share(
            value,
            score,
            "Take the difference from 1 or 0 for each answer, square it, and only then the mean.",
            name=f"{name!r}",
            mistakes=[
                (other, "the two are exchanged, or both are of the same confidence."),
                (float(np.mean(np.abs(column - right))), tr("{name!r}: the differences are not squared.", name=name)),
                (score**0.5, tr("{name!r}: take no root of the mean.", name=name)),
                (
                    float(np.mean(column - right)) ** 2,
                    tr("{name!r}: square each difference before the mean.", name=name),
                ),
            ],
        )


def check_weight(config: RunConfig, answer: Any) -> None:
    """05.3: the weight of P(sure) that is best on every second answer, and its AP on the others."""
    weight, ap = fields(answer, ["weight", "ap"])
    judged = _read(config, "padding")
    chosen_on, reported_on = judged[::2], judged[1::2]

    def mixed(part: list[Prediction], w: float) -> float:
        mix = [w * (p.sure_confidence or 0) + (1 - w) * (p.answer_confidence or 0) for p in part]
        return float(average_precision([p.correct for p in part], mix))

    number(weight, 0.5, "Give a weight from 0 to 1.", name="the weight", tolerance=0.5)
    weight = float(weight)
    best = max(mixed(chosen_on, w) for w in np.linspace(0, 1, 11))
    if np.isnan(best):
        raise NotHere("nothing is answered right in this run")
    if mixed(chosen_on, weight) < best - 1e-6:
        raise Off("another weight has a higher AP on the first, third, fifth ... prediction.")
    share(
        ap,
        mixed(reported_on, weight),
        "Report the AP on the second, fourth, ... prediction, ranked with your weight.",
        name="`ap`",
        mistakes=[
            (best, "`ap` is that of the half on which the weight was chosen; report the other half."),
            (mixed(judged, weight), "`ap` is that of all predictions; half of them chose the weight."),
            (mixed(reported_on, 1 - weight), "`ap`: w belongs to the sure confidence, 1 - w to the answer confidence."),
        ],
    )


def check_border(config: RunConfig, answer: Any) -> None:
    """05.4: the border at which padding answers as often as replacement, and the accuracies of both."""
    border, padding, replacement = fields(answer, ["border", "padding", "replacement"])
    judged, refuser = _read(config, "padding"), _read(config, "replacement")
    given = [p for p in refuser if not p.refused]
    if not given or len(given) == len(refuser):
        raise NotHere("the replacement model refuses nothing or everything in this run")
    number(border, 0.5, "It is a P(sure), between 0 and 1.", name="the border", tolerance=0.5)
    answered = [p for p in judged if (p.sure_confidence or 0) > float(border)]
    if abs(len(answered) - len(given)) > max(1, 0.005 * len(given)):
        if len(answered) > len(given):
            raise Off("with this border padding answers more questions than the replacement model does.")
        raise Off("with this border padding answers fewer questions than the replacement model does.")
    for name, value, part, everything in (
        ("padding", padding, answered, judged),
        ("replacement", replacement, given, refuser),
    ):
        share(
            value,
            _accuracy(part),
            "Of the questions that this model answers, which share is right?",
            name=f"{name!r}",
            mistakes=[
                (
                    _accuracy(everything),
                    tr("{name!r} is the accuracy of all its answers, refused ones included.", name=name),
                )
            ],
        )


CHECKS: dict[str, Check] = {
    "05.1": check_willing,
    "05.2": check_brier,
    "05.3": check_weight,
    "05.4": check_border,
}
