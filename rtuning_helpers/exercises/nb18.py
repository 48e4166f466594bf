"""Notebook 18: answers that a bound needs, a threshold reported on other questions, and what a promise leaves open."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import binom

from rtuning_helpers import steps
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, fields, function, share
from rtuning_helpers.experiments.promises.measure import Limits, outcomes, world, world_of
from rtuning_helpers.metrics import risk_control_threshold, wrong_answer_threshold
from rtuning_helpers.run.loaded_questions import evaluation_splits
from rtuning_helpers.run.profiles import RunConfig

CASES = [(0, 0.1, 0.1), (0, 0.1, 0.05), (3, 0.1, 0.1), (2, 0.25, 0.05), (7, 0.3, 0.2)]
RISK, DELTA, POOR = 0.2, 0.1, 0.1


def _answers_needed(wrong: int, max_risk: float, delta: float, so_few: Sequence[int] = (0,)) -> int:
    """The smallest number of answers whose test passes; ``so_few`` shifts what counts as so few wrong ones."""
    answers = wrong + 1
    while binom.cdf(wrong + so_few[0], answers, max_risk) > delta:
        answers += 1
    return answers


def _by_share(wrong: int, max_risk: float, delta: float) -> int:
    return max(int(np.ceil(wrong / max_risk)), 1)


MISTAKES = [
    (lambda *case: _answers_needed(*case) - 1, "one more is needed: with so many the chance is still above delta."),
    (lambda *case: _answers_needed(*case) + 1, "one fewer would do; stop at the first number that passes."),
    (
        lambda wrong, max_risk, delta: _answers_needed(wrong, max_risk, delta, so_few=(-1,)),
        "count so many wrong ones *or fewer*; yours leaves out so many.",
    ),
    (_by_share, "that is where the share itself is low enough; a bound needs a margin above it."),
    (
        lambda wrong, max_risk, delta: _answers_needed(wrong, max_risk, delta / 2),
        "delta belongs to the upper end alone; do not halve it.",
    ),
    (
        lambda wrong, max_risk, delta: _answers_needed(wrong, delta, max_risk),
        "`max_risk` and `delta` are exchanged: the first is the share of wrong answers, the second a probability.",
    ),
]


def check_needed(config: RunConfig, answer: Any) -> None:
    """18.1: how many answers a bound needs, as a function of the wrong ones among them, the risk and delta."""
    where = "Count answers upwards from one more than are wrong until `binom.cdf(wrong, answers, max_risk) <= delta`."
    function(answer, _answers_needed, CASES, where, mistakes=MISTAKES)


def _judged(config: RunConfig) -> tuple[np.ndarray, np.ndarray]:
    """Right or wrong, and the mix, of padding's answers to the first test."""
    found = world_of(steps.read_method_predictions(config, "padding", evaluation_splits(config)[0]))
    return found.correct, found.confidence


def check_halves(config: RunConfig, answer: Any) -> None:
    """18.2: coverage and risk, on every second question, of a threshold that was chosen on the others."""
    coverage, risk = fields(answer, ["coverage", "risk"])
    right, score = _judged(config)
    halves = [(right[start::2], score[start::2]) for start in (0, 1)]
    chosen = [risk_control_threshold(*half, RISK, DELTA, Limits().min_answers).threshold for half in halves]
    if np.isnan(chosen[0]):
        raise NotHere(f"no threshold is safe at {100 * RISK:.0f} % in this run")

    def found(threshold: float, part: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
        answered = part[1] >= threshold
        return float(answered.mean()), float(1 - part[0][answered].mean()) if answered.any() else 0.0

    wanted = found(chosen[0], halves[1])
    others = {
        "this is of the half on which the threshold was chosen; report the other one.": found(chosen[0], halves[0]),
        "this is of all questions; half of them chose the threshold.": found(chosen[0], (right, score)),
        "the halves are exchanged: choose on the first, third, fifth ... question.": found(chosen[1], halves[0]),
    }
    for place, (name, value, where) in enumerate(
        (
            ("coverage", coverage, "Which share of the other half has at least the threshold's confidence?"),
            ("risk", risk, "Of what is answered in the other half, which share is wrong?"),
        )
    ):
        mistakes = [(pair[place], f"{name!r}: {message}") for message, pair in others.items()]
        share(value, wanted[place], where, name=f"{name!r}", mistakes=mistakes)


def check_poorer(config: RunConfig, answer: Any) -> None:
    """18.3: the share of wrong answers at FactTest's threshold, if one in ten answers were right."""
    right, score = _judged(config)
    threshold = wrong_answer_threshold(right, score, 0.1, DELTA)
    if np.isnan(threshold):
        raise NotHere("too few answers are wrong in this run")
    known, slipped = (float(np.mean(score[right == kind] >= threshold)) for kind in (1, 0))

    def risk(share_right: float) -> float:
        return (1 - share_right) * slipped / max((1 - share_right) * slipped + share_right * known, 1e-12)

    share(
        answer,
        risk(POOR),
        "Of a hundred questions ten would be right and ninety wrong; count what is answered of each.",
        mistakes=[
            (slipped, "that is the share of the wrong ones that is answered; of the answers, which share is wrong?"),
            (float(outcomes(world(right, score), [threshold]).risk[0]), "that is the risk in this world."),
            ((1 - POOR) * slipped, "that is of all questions; divide by how many are answered."),
            (risk(1 - POOR), "ninety of a hundred are wrong there, and ten right."),
        ],
    )


CHECKS: dict[str, Check] = {"18.1": check_needed, "18.2": check_halves, "18.3": check_poorer}
