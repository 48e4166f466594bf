"""Notebook 02: AUROC by pairs, entropy over answers, and ties at the median."""

import math
from typing import Any

import numpy as np

from rtuning_helpers import steps
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import Off, fields, function, listed, number, share
from rtuning_helpers.metrics import auroc
from rtuning_helpers.probe.uncertainty import answer_entropy
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.unsupervised import median_split

FEWER = 5  # samples
EXAMPLE, LOWEST = 5, 10  # texts, questions
CASES = [
    ([0], [1]),
    ([1], [0]),
    ([1], [1]),
    ([0, 2], [1, 1, 1]),
    ([0, 1, 1], [1, 2]),
    ([3, 1], [2, 2, 4]),
    ([0, 9], [5]),
]


def _in_order(certain: list[float], uncertain: list[float]) -> float:
    is_uncertain = [0] * len(certain) + [1] * len(uncertain)
    return float(auroc(is_uncertain, np.array([*certain, *uncertain]) / 10))  # between 0 and 1


def _above(certain: list[float], uncertain: list[float]) -> float:
    return float(np.mean(np.array(uncertain)[:, None] > np.array(certain)))


MISTAKES = [
    (
        lambda certain, uncertain: _in_order(uncertain, certain),
        "the uncertain value should be the higher one of a pair.",
    ),
    (_above, "a tie counts one half, here it counts nothing."),
    (lambda certain, uncertain: 1 - _above(uncertain, certain), "a tie counts one half, here it counts in full."),
    (lambda certain, uncertain: 100 * _in_order(certain, uncertain), "a share, not percent, is asked for."),
    (
        lambda certain, uncertain: _in_order(certain, uncertain) * len(certain) * len(uncertain),
        "that is how many pairs are in order; divide by all pairs.",
    ),
    (
        lambda certain, uncertain: float(np.mean(uncertain) > np.mean(certain)),
        "compare pairs, not means: how many of all pairs are in order?",
    ),
]


def check_pairs(config: RunConfig, answer: Any) -> None:
    """02.1: the share of pairs in which the uncertain value is the higher one, as a function of both lists."""
    where = "Take every certain value with every uncertain one: 1, one half or 0 each, then the mean."
    function(answer, _in_order, CASES, where, mistakes=MISTAKES)


def check_normalised(config: RunConfig, answer: Any) -> None:
    """02.2: how many entropies `normalise` changes, and five texts that it makes one."""
    changed, example = fields(answer, ["changed", "example"])
    example = listed(example)
    if not isinstance(example, (list, tuple)) or [type(text) for text in example] != [str] * EXAMPLE:
        raise Off("the example must be a list of five texts.")
    if not math.isclose(answer_entropy(example), math.log(EXAMPLE)):
        raise Off("your example: without `normalise` they must all be different.")
    if answer_entropy(example, normalise=True) > 0:
        raise Off("your example: with `normalise` they must all be the same; it evens out case and punctuation only.")
    measured = steps.read_uncertainty(config)
    differ = sum(answer_entropy(u.answers) != answer_entropy(u.answers, normalise=True) for u in measured)
    number(changed, differ, "Count the questions whose two entropies differ.", name="`changed`", tolerance=0)


def check_fewer(config: RunConfig, answer: Any) -> None:
    """02.3: ties at the median, and agreement with the labels, with the first five answers of each question."""
    tied, agreement = fields(answer, ["tied", "agreement"])
    measured, correct = steps.read_uncertainty(config), np.array([p.correct for p in steps.read_probes(config)])
    split = median_split([answer_entropy(u.answers[:FEWER]) for u in measured], seed=config.seed)
    last = median_split([answer_entropy(u.answers[FEWER:]) for u in measured], seed=config.seed)
    all_answers = median_split([u.entropy for u in measured], seed=config.seed)
    certain = np.array(split.certain)
    number(
        tied,
        split.tied,
        "It is the field `tied` of what `median_split` returns.",
        name="`tied`",
        tolerance=0,
        mistakes=[
            (all_answers.tied, "`tied` is that of all the answers; keep the first five of each question."),
            (split.tied_uncertain, "`tied` should be all questions at the cut, not only those called uncertain."),
            (last.tied, "`tied` is that of the last five answers; keep the first five of each question."),
            (split.tied / len(measured), "`tied` is a count, not a share."),
        ],
    )
    share(
        agreement,
        float(np.mean(certain == correct)),
        "Is it the share of questions with the same label in both splits, and was `seed=seed` given?",
        name="`agreement`",
        mistakes=[
            (float(np.mean(certain)), "`agreement` is how many the split calls certain; compare it with the labels."),
            (float(np.mean(np.array(all_answers.certain) == correct)), "`agreement` is that of all the answers."),
        ],
    )


def check_lowest(config: RunConfig, answer: Any) -> None:
    """02.4: the questions in D0 with the lowest entropy; any of those that tie."""
    entropy = {
        p.question: u.entropy for u, p in zip(steps.read_uncertainty(config), steps.read_probes(config), strict=True)
    }
    wrong = {p.question for p in steps.read_probes(config) if not p.correct}
    answer = listed(answer)
    if not isinstance(answer, (list, tuple)) or not all(isinstance(text, str) for text in answer):
        raise Off("give a list with the texts of the questions.")
    for text in answer:
        if text not in entropy:
            raise Off("{text!r} is no training question of this run.", text=text)
        if text not in wrong:
            raise Off("{text!r} is in D1: the model answers it right.", text=text)
    wanted = min(LOWEST, len(wrong))
    if len(set(answer)) != wanted or len(answer) != wanted:
        raise Off("ten different questions are asked for.")
    ranked = sorted(entropy[text] for text in wrong)
    if max(entropy[text] for text in answer) > ranked[wanted - 1]:
        highest = min(entropy[text] for text in answer) >= ranked[-wanted]
        raise Off(
            "the lowest entropy, not the highest, is asked for." if highest else "some have a lower entropy still."
        )


CHECKS: dict[str, Check] = {
    "02.1": check_pairs,
    "02.2": check_normalised,
    "02.3": check_fewer,
    "02.4": check_lowest,
}
