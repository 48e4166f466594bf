"""Replacement: the gold answer where the model knew it (D1), a refusal in its place elsewhere (D0). Paper A.3."""

import random
from collections.abc import Sequence

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_records


def build_replacement(
    probes: Probes, questions: Sequence[Question] | None = None, *, seed: int = 0
) -> list[TuningRecord]:
    """The gold answer (D1) or one of sixteen refusals in its place (D0).

    Unanswerable questions are always uncertain, so that they get a refusal. Arguments and errors as `build_sureness`;
    ``seed`` is that of the draw of the refusals.
    """
    rng = random.Random(seed)
    refusals = [prompts.refusal_completion(rng.choice(prompts.REFUSALS)) for _ in probes]
    completions = [
        prompts.answer_completion(p.answer) if p.correct else refusal
        for p, refusal in zip(probes, refusals, strict=True)
    ]
    return build_records(probes, questions, completions, [p.correct for p in probes])


METHOD = Method(
    name="replacement",
    build=build_replacement,
    order=3,
    look=Look("replacement", colour=2, line=(0, (3, 1, 1, 1)), marker="D"),
    needs=("seed",),
    may_refuse=True,
    paper="R-Tuning-R",
)
