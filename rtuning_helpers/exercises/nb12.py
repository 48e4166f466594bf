"""Notebook 12: as many answers chosen otherwise, answers that stand in the question, a mix, and labels from later."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, number, share
from rtuning_helpers.experiments.real_models.models import read_models
from rtuning_helpers.experiments.real_models.tables import Rows
from rtuning_helpers.metrics import average_precision
from rtuning_helpers.run.profiles import RunConfig

SPLITS = ("id", "ood")
ALL_SAMPLES = 10
RIGHT, STATED = np.array([True, True, False, True]), np.array([0.2, 0.9, 0.8, 0.4])
MORE_RIGHT, MORE_STATED = np.array([False, True, True, False, True]), np.array([0.9, 0.6, 0.1, 0.7, 0.3])
CASES = [
    (RIGHT, STATED, 0.5),
    (RIGHT, STATED, 0.75),
    (RIGHT, STATED, 1),
    (MORE_RIGHT, MORE_STATED, 0.58),
    (RIGHT, STATED, 0.0),
]


def _top(correct: np.ndarray, confidence: np.ndarray, part: float) -> float:
    return _mean(correct[np.argsort(-confidence, kind="stable")[: round(part * len(correct))]])


def _mean(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")


MISTAKES = [
    (
        lambda correct, confidence, part: _top(correct, -confidence, part),
        "it takes the least confident answers: the highest confidence comes first.",
    ),
    (
        lambda correct, confidence, part: _mean(correct[: round(part * len(correct))]),
        "it takes the first answers as they stand: bring them into the order of their confidence.",
    ),
    (
        lambda correct, confidence, part: _mean(correct[confidence > part]),
        "the share says how many are chosen; it is no border of the confidence.",
    ),
    (
        lambda correct, confidence, part: _mean(
            correct[np.argsort(-confidence, kind="stable")[: int(part * len(correct))]]
        ),
        "the number of answers is rounded, not cut off: `round`.",
    ),
    (
        lambda correct, confidence, part: float(
            np.nan_to_num(_top(correct, confidence, part)) * round(part * len(correct)) / len(correct)
        ),
        "divide by how many are chosen, not by all.",
    ),
    (
        lambda correct, confidence, part: 100 * _top(correct, confidence, part),
        "a share, not percent, is asked for.",
    ),
]


def check_top(config: RunConfig, answer: Any) -> None:
    """12.1: the accuracy of the most confident share of the answers."""
    where = "Sort the answers by confidence, keep the first ones, and take the mean of `correct` there."
    function(answer, _top, CASES, where, mistakes=MISTAKES)


def _first(config: RunConfig) -> dict[str, Rows]:
    return next(iter(read_models(config).values()))


def check_given(config: RunConfig, answer: Any) -> None:
    """12.2: certain questions right in all ten samples, and those of them with their answer in the question."""
    always, given = fields(answer, ["always", "given"])
    parts = _first(config)
    correct = [row["correct"] for row in parts["training"]]
    unanimous = [row["samples_right"] == ALL_SAMPLES for row in parts["training"]]
    stands = [row["in_question"] for row in parts["questions"] if row["split"] == "train"]
    counts = [(int((c & u).sum()), int((c & u & s).sum())) for c, u, s in zip(correct, unanimous, stands, strict=True)]
    all_always, all_given = (sum(column) for column in zip(*counts, strict=True))
    if not all_given:
        raise NotHere("no question of this run that is right in all ten samples has its answer in it")
    number(
        always,
        all_always,
        "Count the questions that are certain and have ten right samples, over all seeds.",
        name="`always`",
        tolerance=0,
        mistakes=[
            (counts[0][0], "`always` is that of the first seed alone; take all."),
            (sum(int(c.sum()) for c in correct), "`always` counts all certain questions; ten samples right as well."),
        ],
    )
    number(
        given,
        all_given,
        "Count, of those in `always`, the ones whose answer stands in the question.",
        name="`given`",
        tolerance=0,
        mistakes=[
            (counts[0][1], "`given` is that of the first seed alone; take all."),
            (sum(int(s.sum()) for s in stands), "`given` counts all questions; take those that `always` counts."),
            (
                sum(int((c & s).sum()) for c, s in zip(correct, stands, strict=True)),
                "`given` counts all certain questions; take those that `always` counts.",
            ),
            (all_always - all_given, "`given` is how many do *not* have their answer in the question."),
        ],
    )


def _rows(parts: dict[str, Rows], method: str) -> dict[str, Rows]:
    found = [row for row in parts["predictions"] if row["method"] == method]
    there = {split: [row for row in found if row["split"] == split] for split in SPLITS}
    if not all(there.values()):
        raise NotHere("this run has no tests id and ood")
    return there


def check_mix(config: RunConfig, answer: Any) -> None:
    """12.3: the weight of P(sure) that is best in-domain, and its AP out of domain."""
    weight, ood = fields(answer, ["weight", "ood"])
    there = _rows(_first(config), "padding")

    def mixed(w: float, split: str) -> float:
        rows = there[split]
        return float(np.mean([average_precision(r["correct"], w * r["sure"] + (1 - w) * r["answer"]) for r in rows]))

    number(weight, 0.5, "Give a weight from 0 to 1.", name="the weight", tolerance=0.5)
    weight, weights = float(weight), np.linspace(0, 1, 11)
    best = {split: max(mixed(w, split) for w in weights) for split in SPLITS}
    if np.isnan(best["id"]) or np.isnan(best["ood"]):
        raise NotHere("a test of this run has no right answer")
    if mixed(weight, "id") < best["id"] - 1e-6:
        if mixed(1 - weight, "id") >= best["id"] - 1e-6:
            raise Off("`weight` is that of the answer confidence; that of P(sure) is asked for.")
        if mixed(weight, "ood") >= best["ood"] - 1e-6:
            raise Off("`weight` was chosen out of domain; choose it in-domain.")
        raise Off("another weight has a higher mean AP in-domain.")
    share(
        ood,
        mixed(weight, "ood"),
        "Take the AP of each padding row out of domain, with the weight that you chose, and the mean over the seeds.",
        name="`ood`",
        mistakes=[
            (mixed(weight, "id"), "`ood` is the AP in-domain."),
            (mixed(0.5, "ood"), "`ood` is the AP of half and half; take the weight that you chose."),
            (best["ood"], "`ood` is the AP of the weight that is best there; take the one chosen in-domain."),
            (mixed(1 - weight, "ood"), "`ood`: the weight belongs to P(sure), 1 - weight to the answer confidence."),
        ],
    )


def _new(rows: Sequence[dict]) -> float:
    right, before = (np.concatenate([row[name] for row in rows]) for name in ("correct", "untuned"))
    return _mean(~before[right])


def check_new_labels(config: RunConfig, answer: Any) -> None:
    """12.4: of the vanilla models' right answers, the share that the untuned model gets wrong."""
    shares = fields(answer, SPLITS)
    parts = _first(config)
    vanilla, padding = (_rows(parts, method) for method in ("vanilla", "padding"))
    for split, value in zip(SPLITS, shares, strict=True):
        rows = vanilla[split]
        right, before = (np.concatenate([row[name] for row in rows]) for name in ("correct", "untuned"))
        share(
            value,
            _new(rows),
            "Of the answers that vanilla gets right, count those that the untuned model does not; all seeds together.",
            name=f"{split!r}",
            mistakes=[
                (_new(padding[split]), f"{split!r} is that of padding; take the vanilla models."),
                (float(np.mean(right & ~before)), f"{split!r} should be a share of the right answers, not of all."),
                (_mean(~right[before]), f"{split!r} is what tuning *lost*: right before, wrong after."),
                (float(np.mean(right != before)), f"{split!r} counts what was lost as well, as a share of all."),
                (_mean(right[~before]), f"{split!r} divides by what was wrong before; by what is right now."),
            ],
        )


CHECKS: dict[str, Check] = {
    "12.1": check_top,
    "12.2": check_given,
    "12.3": check_mix,
    "12.4": check_new_labels,
}
