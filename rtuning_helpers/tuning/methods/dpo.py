"""Preference tuning (DPO, Rafailov et al. 2023): the answer rather than a refusal (D1), or the other way round (D0)."""

import random
from collections.abc import Sequence

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.further import FurtherMethod, PairRecord
from rtuning_helpers.tuning.methods.replacement import build_replacement
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord


def build_dpo(probes: Probes, questions: Sequence[Question] | None = None, *, seed: int = 0) -> list[TuningRecord]:
    """The records of replacement, each with what is rejected: a refusal (D1), or the model's own wrong answer (D0).

    Where it wrote nothing the gold answer is rejected. Arguments and errors as `build_sureness`; ``seed`` is that of
    the draw of the refusals.
    """
    records, rng = build_replacement(probes, questions, seed=seed), random.Random(f"rejected {seed}")
    gaps = [" "] * len(records) if questions is None else [q.frame.gap for q in questions]
    found: list[TuningRecord] = []
    for record, probe, gap in zip(records, probes, gaps, strict=True):
        refusal = prompts.refusal_completion(rng.choice(prompts.REFUSALS))
        answer = prompts.answer_completion(probe.prediction.strip() or probe.answer or "nothing")
        other = gap + (refusal if probe.correct else answer).removeprefix(" ")
        found.append(PairRecord(record.id, record.prompt, record.completion, record.certain, record.end, other))
    return found


METHOD = FurtherMethod(
    name="dpo",
    build=build_dpo,
    order=4.4,
    look=Look("DPO", colour=19, line=(0, (2, 2, 6, 2)), marker="p"),
    needs=("seed",),
    record=PairRecord,
    tuned_by="rtuning_helpers.tuning.preference",
    may_refuse=True,
)
