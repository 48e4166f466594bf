"""Notebook 13: expected values of labels, what is almost certain, and one number for all under two rewards."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, fields, function, number, share
from rtuning_helpers.experiments.continuous.measure import brier_reward, linear_reward
from rtuning_helpers.run.loaded_questions import evaluation_splits
from rtuning_helpers.run.profiles import RunConfig

CASES = [
    ([0.5, 0.5], [" 0%", " 100%"]),
    ([0.1, 0.7, 0.2], [" 80%", " 70%", " 60%"]),
    ([0.1, 0.2, 0.3, 0.4], [" 90%", " 50%", " 20%", " 0%"]),
    ([1.0], [" 30%"]),
]
ALMOST_CERTAIN = 0.9
STATED = np.linspace(0, 1, 101)


def _values(labels: Sequence[str]) -> list[float]:
    return [float(label.strip("% ")) / 100 for label in labels]


def _expected(shares: Sequence[float], labels: Sequence[str]) -> float:
    return float(np.dot(shares, _values(labels)))


MISTAKES = [
    (lambda shares, labels: 100 * _expected(shares, labels), "between 0 and 1: divide by 100."),
    (
        lambda shares, labels: _values(labels)[int(np.argmax(shares))],
        "that is the likeliest label; all of them count, each with its share.",
    ),
    (lambda shares, labels: float(np.mean(_values(labels))), "each label counts with its share."),
    (lambda shares, labels: _expected(shares, labels) / len(shares), "the shares sum to 1; divide by nothing more."),
]


def check_expected(config: RunConfig, answer: Any) -> None:
    """13.1: the expected confidence, as a function of the labels' shares and the labels."""
    where = "Multiply each label's number by its share, add up, and divide by 100."
    function(answer, _expected, CASES, where, mistakes=MISTAKES)


def _judged(config: RunConfig) -> list[Prediction]:
    return steps.read_method_predictions(config, "confidence", evaluation_splits(config)[0])


def check_certain(config: RunConfig, answer: Any) -> None:
    """13.2: what is stated and what is right among answers with more than 90 %."""
    given, judged = fields(answer, ["stated", "right"]), _judged(config)
    certain = [p for p in judged if (p.sure_confidence or 0) > ALMOST_CERTAIN]
    if not certain:
        raise NotHere("no answer comes with more than 90 % in this run")

    def means(part: Sequence[Prediction]) -> list[float]:
        return [float(np.mean([p.sure_confidence for p in part])), float(np.mean([p.correct for p in part]))]

    by_answer = [p for p in judged if (p.answer_confidence or 0) > ALMOST_CERTAIN] or judged
    for place, (name, value) in enumerate(zip(("stated", "right"), given, strict=True)):
        share(
            value,
            means(certain)[place],
            "Take the mean over the answers with a sure confidence above 0.9 only.",
            name=f"{name!r}",
            mistakes=[
                (means(judged)[place], f"{name!r} is that of all answers."),
                (means(by_answer)[place], f"{name!r}: the *sure* confidence has to be above 0.9."),
                (means(certain)[1 - place], "the two are exchanged, or both are the same."),
                (
                    sum(p.correct for p in certain) / len(judged),
                    f"{name!r}: divide by the number of these answers, not of all.",
                ),
            ],
        )


def check_constant(config: RunConfig, answer: Any) -> None:
    """13.3: the one confidence for all answers that earns most with Brier's reward, and with the linear one."""
    given = fields(answer, ["brier", "linear"])
    right = np.array([p.correct for p in _judged(config)], dtype=float)
    if right.mean() == 0.5:
        raise NotHere("exactly half of the answers are right in this run, so that the linear reward is always the same")
    found = [float(max(STATED, key=lambda c: reward(right, c).mean())) for reward in (brier_reward, linear_reward)]
    for name, value, best, other in zip(("brier", "linear"), given, found, found[::-1], strict=True):
        number(
            value,
            best,
            "Try all 101 numbers, and keep the one with the highest mean reward.",
            name=f"{name!r}",
            tolerance=0.006,
            mistakes=[
                (other, "the two are exchanged, or both are of the same reward."),
                (100 * best, f"{name!r} is a confidence between 0 and 1, not percent."),
                (1 - best, f"{name!r} is the number that earns least, or a mean reward is taken with the wrong sign."),
            ],
        )


CHECKS: dict[str, Check] = {"13.1": check_expected, "13.2": check_certain, "13.3": check_constant}
