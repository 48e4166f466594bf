"""Vanilla tuning: the gold answer to every question, whatever the model knew; the paper's baseline."""

from collections.abc import Sequence

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_records, gold_answer


def build_vanilla(probes: Probes, questions: Sequence[Question] | None = None) -> list[TuningRecord]:
    """The gold answer to every question. Arguments and errors as `build_sureness`."""
    completions = [prompts.answer_completion(gold_answer(p)) for p in probes]
    return build_records(probes, questions, completions, [p.correct for p in probes])


METHOD = Method(
    name="vanilla", build=build_vanilla, order=1, look=Look("vanilla", colour=1, line="--", marker="s"), paper="Vanilla"
)
