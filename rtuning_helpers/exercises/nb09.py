"""Notebook 09: the calibration error by hand, few labels, half of the answers, and whose answers P(sure) judges."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtuning_helpers import metrics, steps
from rtuning_helpers.confidence.calibrators import CALIBRATORS, calibrate
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import IN_DOMAIN
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, fields, function, share
from rtuning_helpers.experiments.estimators.measure import LEARNED, Judged, read_judged
from rtuning_helpers.metrics.binning import equal_width_bin
from rtuning_helpers.model import labels
from rtuning_helpers.run.profiles import RunConfig

FEW = 50  # labelled answers
HALF = 0.5  # of the answers
STRIDE = 4  # every fourth question
RANKED_BY = (LEARNED, "answer probability", "self-consistency")
CASES = [  # no confidence on the edge of a bin, which counts to either side
    ([1, 0, 1, 1], [0.95, 0.92, 0.55, 0.15]),
    ([0, 0], [0.35, 0.31]),
    ([1, 0], [0.55, 0.52]),
    ([1, 0, 0], [0.75, 0.35, 0.15]),
    ([1, 1, 0, 0, 1], [0.85, 0.83, 0.88, 0.25, 0.22]),
]


def _gaps(right: Sequence[int], confidence: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """(accuracy minus mean confidence, number of answers) of each of the ten bins that holds any."""
    bins = equal_width_bin(np.array(confidence), 10)
    surprise = np.array(right) - np.array(confidence)
    used = np.unique(bins)
    return np.array([surprise[bins == b].mean() for b in used]), np.array([np.sum(bins == b) for b in used])


def _error(right: Sequence[int], confidence: Sequence[float]) -> float:
    return float(metrics.ece(right, confidence))


MISTAKES = [
    (
        lambda right, confidence: float(np.mean(np.abs(np.array(right) - np.array(confidence)))),
        "it takes each answer's own difference; first the means within a bin, then their difference.",
    ),
    (
        lambda right, confidence: float(abs(np.mean(right) - np.mean(confidence))),
        "gaps of opposite sign cancel: take the absolute gap of each bin before the mean.",
    ),
    (
        lambda right, confidence: float(np.mean(right) - np.mean(confidence)),
        "gaps of opposite sign cancel: take the absolute gap of each bin before the mean.",
    ),
    (
        lambda right, confidence: float(np.mean(np.abs(_gaps(right, confidence)[0]))),
        "a bin counts as much as it has answers; here all bins count the same.",
    ),
    (
        lambda right, confidence: float(
            np.average(_gaps(right, confidence)[0] ** 2, weights=_gaps(right, confidence)[1])
        ),
        "the gaps are absolute, not squared.",
    ),
    (
        lambda right, confidence: float(np.max(np.abs(_gaps(right, confidence)[0]))),
        "the mean gap, not the largest one, is asked for.",
    ),
    (lambda right, confidence: 100 * _error(right, confidence), "a number from 0 to 1, not percent, is asked for."),
]


def check_error(config: RunConfig, answer: Any) -> None:
    """09.1: the expected calibration error in ten bins, as a function of right or wrong and the confidences."""
    where = "In each tenth: share of right answers, mean confidence, their distance. Then the mean over the answers."
    function(answer, _error, CASES, where, mistakes=MISTAKES)


def _padding(config: RunConfig) -> Judged:
    return read_judged(config, "padding", IN_DOMAIN)


def check_few(config: RunConfig, answer: Any) -> None:
    """09.2: ECE of P(sure) on the scored questions after each calibrator was fitted on 50 held-out ones."""
    judged = _padding(config)
    held_out_right, held_out = judged.fitted_on(LEARNED)
    right, scores = judged.scored(LEARNED)
    if len(set(held_out_right[:FEW].tolist())) < 2:
        raise NotHere("the first 50 held-out answers are all right or all wrong")
    raw = float(metrics.ece(right, scores))
    for method, value in zip(CALIBRATORS, fields(answer, list(CALIBRATORS)), strict=True):
        fitted = calibrate(scores, held_out[:FEW], held_out_right[:FEW], method)
        on_itself = calibrate(held_out[:FEW], held_out[:FEW], held_out_right[:FEW], method)
        share(
            value,
            float(metrics.ece(right, fitted)),
            "Fit on the first 50 held-out answers, and measure the ECE on the scored ones.",
            name=f"{method!r}",
            mistakes=[
                (
                    float(metrics.ece(right, calibrate(scores, held_out, held_out_right, method))),
                    f"{method!r} is fitted on all held-out answers; take the first 50.",
                ),
                (
                    float(metrics.ece(held_out_right[:FEW], on_itself)),
                    f"{method!r} is measured on the 50 answers on which it was fitted; measure on the scored ones.",
                ),
                (raw, f"{method!r} is that of the raw confidence."),
            ],
        )


def check_half(config: RunConfig, answer: Any) -> None:
    """09.3: the share of wrong answers in the more confident half, by three estimators."""
    judged = _padding(config)
    for name, value in zip(RANKED_BY, fields(answer, RANKED_BY), strict=True):
        right, score = judged.scored(name)
        share(
            value,
            float(metrics.risk_at_coverage(right, score, coverage=HALF)),
            'Use `judged["id"].scored` and a coverage of one half.',
            name=f"{name!r}",
            mistakes=[
                (
                    float(1 - right.mean()),
                    f"{name!r} is the share of wrong answers among all; take the confident half.",
                ),
                (
                    float(metrics.risk_at_coverage(judged.correct, judged.confidence[name], coverage=HALF)),
                    f"{name!r} is that of all questions; the held-out ones are not scored.",
                ),
                (float(metrics.auroc(right, score)), f"{name!r} is an AUROC; a risk is asked for."),
            ],
        )


def check_judge(config: RunConfig, answer: Any) -> None:
    """09.4: AUROC for vanilla's answers of R-Tuning-U's P(sure) in them, and of its P(sure) in its own answers."""
    asked, own = fields(answer, ["asked", "own"])
    vanilla, judge = (read_judged(config, method, IN_DOMAIN) for method in ("vanilla", "unsupervised"))
    questions = steps.fitted(config, IN_DOMAIN).questions[::STRIDE]
    said = vanilla.predictions[::STRIDE]
    contexts = [prompts.sureness_context(q, text) for q, text in zip(questions, said, strict=True)]
    lm = steps.load_model(config, "unsupervised")
    sure = labels.label_probabilities(lm, contexts, prompts.SURENESS_LABELS)[:, 0]
    right, its_own = vanilla.correct[::STRIDE], judge.confidence[LEARNED][::STRIDE]
    shares = [float(metrics.auroc(right, column)) for column in (sure, its_own)]
    elsewhere = [float(metrics.auroc(judge.correct[::STRIDE], column)) for column in (sure, its_own)]
    for k, (name, value) in enumerate((("`asked`", asked), ("`own`", own))):
        share(
            value,
            shares[k],
            "Both rank the same answers, those of the vanilla model to every fourth question.",
            name=name,
            mistakes=[
                (
                    shares[1 - k],
                    f"{name} is the other number: `asked` is about vanilla's answers, `own` about its own.",
                ),
                (
                    elsewhere[k],
                    f"{name} is for the judge's own answers being right; those of vanilla are to be ranked.",
                ),
                (
                    float(metrics.auroc(vanilla.correct, judge.confidence[LEARNED])),
                    f"{name} is that of all questions; take every fourth.",
                ),
            ],
        )


CHECKS: dict[str, Check] = {
    "09.1": check_error,
    "09.2": check_few,
    "09.3": check_half,
    "09.4": check_judge,
}
