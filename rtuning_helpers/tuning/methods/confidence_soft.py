"""Continuous confidence with soft labels: what ten samples say about how often the model is right, shared out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.drawn import DrawnRecord
from rtuning_helpers.tuning.methods.confidence import build_confidence
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord
from rtuning_helpers.tuning.scale import PERCENT, ScaleMethod, nearest_label, right_shares

if TYPE_CHECKING:
    from rtuning_helpers.probe.uncertainty import Uncertainty


def build_confidence_soft(
    probes: Probes, questions: Sequence[Question] | None = None, *, uncertainty: Sequence["Uncertainty"]
) -> list[TuningRecord]:
    """The records of `build_confidence`, each with all eleven labels and their `soft_shares`."""
    records = build_confidence(probes, questions, uncertainty=uncertainty)
    found: list[TuningRecord] = []
    for record, share, drawn in zip(records, right_shares(probes, questions, uncertainty), uncertainty, strict=True):
        stem, written, rest = record.completion.rpartition(nearest_label(share))
        k = len(drawn.answers)
        shares = zip(PERCENT, soft_shares(round(share * k), k), strict=True)
        alternatives = {stem + label + rest: part for label, part in shares}
        found.append(DrawnRecord(**vars(record), alternatives=alternatives))
    return found


def soft_shares(right: int, k: int) -> list[float]:
    """How likely each label of `PERCENT` is the true rate, to the nearest ten percent, after so many of k were right.

    Before any sample all rates are taken to be alike, so that after them they follow Beta(right + 1, k - right + 1).

    >>> [round(share, 2) for share in soft_shares(10, 10)][:4]
    [0.43, 0.4, 0.13, 0.03]
    """
    borders = np.clip(np.linspace(1.05, -0.05, len(PERCENT) + 1), 0, 1)
    below = beta.cdf(borders, right + 1, k - right + 1)
    return (below[:-1] - below[1:]).tolist()


METHOD = ScaleMethod(
    name="confidence-soft",
    build=build_confidence_soft,
    order=4.8,
    look=Look("confidence, soft", colour=17, line=(0, (5, 1, 2, 1)), marker="8"),
    needs=("uncertainty",),
    record=DrawnRecord,
    tuned_by="rtuning_helpers.tuning.drawn",
)
