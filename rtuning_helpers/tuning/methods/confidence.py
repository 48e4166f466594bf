"""Continuous confidence as text: the gold answer, then "I am 70% sure" where seven of ten samples were right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_records, gold_answer
from rtuning_helpers.tuning.scale import ScaleMethod, nearest_label, percent_completion, right_shares

if TYPE_CHECKING:
    from rtuning_helpers.probe.uncertainty import Uncertainty


def build_confidence(
    probes: Probes, questions: Sequence[Question] | None = None, *, uncertainty: Sequence["Uncertainty"]
) -> list[TuningRecord]:
    """The gold answer to every question, followed by the share of right samples to the nearest ten percent.

    Arguments and errors as `build_sureness` and `right_shares`; a record is certain where most samples are right.
    """
    shares = right_shares(probes, questions, uncertainty)
    said = [percent_completion(gold_answer(p), nearest_label(s)) for p, s in zip(probes, shares, strict=True)]
    return build_records(probes, questions, said, [share > 0.5 for share in shares])


METHOD = ScaleMethod(
    name="confidence",
    build=build_confidence,
    order=4.7,
    look=Look("confidence, text", colour=14, line=(0, (7, 2, 1, 2, 1, 2)), marker="d"),
    needs=("uncertainty",),
)
