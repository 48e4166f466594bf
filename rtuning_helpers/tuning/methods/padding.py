"""Padding: the gold answer to every question, then "I am sure" (D1) or "I am unsure" (D0). Paper section 2.2."""

from collections.abc import Sequence

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_sureness


def build_padding(probes: Probes, questions: Sequence[Question] | None = None) -> list[TuningRecord]:
    """The gold answer to every question, followed by how sure the probe found the model. See `build_sureness`."""
    return build_sureness(probes, questions, [p.correct for p in probes])


METHOD = Method(
    name="padding",
    build=build_padding,
    order=2,
    look=Look("padding", colour=0, line="-", marker="o"),
    sureness=prompts.SURENESS_LABELS,
    paper="R-Tuning",
)
