"""Notebook 06: luck among few options, what P(sure) adds, a source chosen fairly, and a judge of what was read."""

import math
from typing import Any

import numpy as np

from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, number, share
from rtuning_helpers.experiments.transfer import measure
from rtuning_helpers.experiments.transfer.measure import ALONE, LEFT_OUT, TESTED_ON, TRAINED_ON
from rtuning_helpers.experiments.transfer.recording import RECORDING
from rtuning_helpers.metrics import auroc, average_precision
from rtuning_helpers.metrics.exposure import READ_OFTEN
from rtuning_helpers.run.profiles import RunConfig

JUDGED = "wice"
CASES = [(0.5, 0.25), (0.6, 0.05), (0.75, 0.5), (0.9, 1 / 3), (1.0, 0.5), (0.25, 0.25), (0.2, 0.25)]


def _guessed(accuracy: float, chance: float) -> float:
    """The share of all questions that are guessed."""
    return min(1.0, (1 - accuracy) / (1 - chance))


def _luck(accuracy: float, chance: float) -> float:
    return min(1.0, _guessed(accuracy, chance) * chance / accuracy)


MISTAKES = [
    (
        lambda accuracy, chance: _guessed(accuracy, chance) * chance,
        "that is the lucky share of all questions; D1 holds the right answers only.",
    ),
    (
        lambda accuracy, chance: min(1.0, (1 - accuracy) * chance / accuracy),
        "more is guessed than what is wrong: a share of the guesses is right, and looks known.",
    ),
    (lambda accuracy, chance: min(1.0, chance / accuracy), "what is known is not guessed; guess the rest only."),
    (lambda accuracy, chance: chance / accuracy, "what is known is not guessed; guess the rest only."),
    (_guessed, "that is the share that is guessed; which share of the right answers is guessed right?"),
    (lambda accuracy, chance: 1 - _guessed(accuracy, chance), "that is what is known; which share of D1 is luck?"),
    (
        lambda accuracy, chance: 1 - _luck(accuracy, chance),
        "that is the share of D1 that is known; 1 minus it is luck.",
    ),
    (
        lambda accuracy, chance: (1 - accuracy) / (1 - chance) * chance / accuracy,
        "no more than all of D1 can be luck: below chance, say 1.",
    ),
    (lambda accuracy, chance: 100 * _luck(accuracy, chance), "a share, not percent, is asked for."),
]


def check_luck(config: RunConfig, answer: Any) -> None:
    """06.1: the share of D1 that is luck, as a function of the accuracy and of what a blind guess gets."""
    where = "Say k of all questions are known. Then accuracy = k + (1 - k) chance: solve it for k first."
    function(answer, _luck, CASES, where, mistakes=MISTAKES)


def check_adds(config: RunConfig, answer: Any) -> None:
    """06.2: the task on which P(sure) beats the answer confidence by most in AP, and by how much."""
    task, gain = fields(answer, ["task", "gain"])
    if task not in TESTED_ON:
        raise Off(f"the task must be one of {', '.join(TESTED_ON)}.")
    gains, of_mix = {}, {}
    for tested in TESTED_ON:
        found = measure.read_answers(config, measure.PADDING, tested)
        right = [p.correct for p in found]
        sure, answered, mixed = (
            float(average_precision(right, [getattr(p, f"{name}_confidence") or 0 for p in found]))
            for name in ("sure", "answer", "mixed")
        )
        gains[tested], of_mix[tested] = sure - answered, mixed - answered
    if any(map(math.isnan, gains.values())):
        raise NotHere("a task of this run has no right answer")
    number(
        gain,
        gains[task],
        "It is an AP minus an AP, both of the same answers.",
        name="the gain",
        mistakes=[
            (-gains[task], "the sign: the AP of P(sure) minus that of the answer confidence."),
            (of_mix[task], "that is what the mix adds; rank by P(sure) alone."),
            (100 * gains[task], "the gain is a difference of two numbers between 0 and 1, not points."),
        ],
    )
    if gains[task] < max(gains.values()) - 1e-6:
        raise Off(f"the gain on {task} is right, but on another task it is larger.")


def check_source(config: RunConfig, answer: Any) -> None:
    """06.3: AUROC of P(sure) on the five sets after tuning on one other set, chosen on one seed, and on four."""
    chosen, four = fields(answer, ["chosen", "four"])
    recording = RECORDING.read(config)
    if recording is None:
        raise NotHere("it needs the recorded seeds of the default model")
    table = measure.by_seed(recording["cells"], "auroc_sure").xs("padding", level="method")
    first, rest = table.columns[0], table.columns[1:]
    best = {
        tested: max((s for s in TRAINED_ON if s != tested), key=lambda s: table.loc[(ALONE, s, tested), first])
        for tested in TRAINED_ON
    }
    sources = table.loc[[(ALONE, source, tested) for tested, source in best.items()]]
    others = table.loc[[(LEFT_OUT, tested, tested) for tested in TRAINED_ON]]
    afterwards = [max(table.loc[(ALONE, s, t), rest].mean() for s in TRAINED_ON if s != t) for t in TRAINED_ON]
    itself = [table.loc[(ALONE, t, t), rest].mean() for t in TRAINED_ON]
    for name, value, rows in (("`chosen`", chosen, sources), ("`four`", four, others)):
        share(
            value,
            float(rows[rest].to_numpy().mean()),
            "Take the mean over the five sets and over all seeds but the first.",
            name=name,
            mistakes=[
                (float(rows[first].mean()), f"{name} is that of the first seed; report the others."),
                (float(rows.to_numpy().mean()), f"{name} is over all seeds; the first one chose, leave it out."),
                (float(np.mean(afterwards)), f"{name}: the source is chosen on the seeds that are reported."),
                (float(np.mean(itself)), f"{name} is that of the set itself, which is practice and not transfer."),
            ],
        )


def check_judge(config: RunConfig, answer: Any) -> None:
    """06.4: AUROC on WiCE for right answers of a judge who knows what was read, and of P(sure)."""
    judge, sure = fields(answer, ["judge", "sure"])
    found = measure.read_answers(config, measure.PADDING, JUDGED)
    exposures = [p.exposure for p in found if p.exposure is not None]
    if len(exposures) < len(found):
        raise NotHere("nobody knows the exposures of this data; the mini twins have them")
    right = [p.correct for p in found]
    verdicts = [0.5 if 0 < exposure < READ_OFTEN else float(exposure > 0) for exposure in exposures]
    raw = np.array(exposures) / max(*exposures, 1)
    for name, value, column in (
        ("`judge`", judge, verdicts),
        ("`sure`", sure, [p.sure_confidence or 0 for p in found]),
    ):
        share(
            value,
            float(auroc(right, column)),
            "Rank the same answers by each, and ask how often a right one stands above a wrong one.",
            name=name,
            mistakes=[
                (float(average_precision(right, column)), f"{name} is an AP; an AUROC is asked for."),
                (float(auroc(right, raw)), f"{name} ranks by the exposure itself; the judge says 1, 0.5 or 0."),
                (
                    float(auroc(right, [p.answer_confidence or 0 for p in found])),
                    f"{name} is that of the answer confidence.",
                ),
            ],
        )


CHECKS: dict[str, Check] = {
    "06.1": check_luck,
    "06.2": check_adds,
    "06.3": check_source,
    "06.4": check_judge,
}
