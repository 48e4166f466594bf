"""Knowledge-weighted tuning: the loss of an answer counts by how well it is known; the unknown is refused."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.drawn import DrawnRecord
from rtuning_helpers.tuning.further import FurtherMethod
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_records
from rtuning_helpers.tuning.scale import right_shares

if TYPE_CHECKING:
    from rtuning_helpers.probe.uncertainty import Uncertainty


def build_knowledge_weighted(
    probes: Probes,
    questions: Sequence[Question] | None = None,
    *,
    uncertainty: Sequence["Uncertainty"],
    seed: int = 0,
) -> list[TuningRecord]:
    """The gold answer, weighed by the share of right samples; one of the sixteen refusals where none was right.

    Arguments and errors as `build_sureness` and `right_shares`; ``seed`` is that of the draw of the refusals.
    """
    rng, shares = random.Random(seed), right_shares(probes, questions, uncertainty)
    refusals = [prompts.refusal_completion(rng.choice(prompts.REFUSALS)) for _ in probes]
    said = [
        prompts.answer_completion(p.answer) if share else refusal
        for p, share, refusal in zip(probes, shares, refusals, strict=True)
    ]
    records = build_records(probes, questions, said, [share > 0 for share in shares])
    return [DrawnRecord(**vars(r), weight=share or 1.0) for r, share in zip(records, shares, strict=True)]


METHOD = FurtherMethod(
    name="knowledge-weighted",
    build=build_knowledge_weighted,
    order=4.9,
    look=Look("knowledge-weighted", colour=16, line=(0, (2, 1, 2, 1, 6, 1)), marker="H"),
    needs=("seed", "uncertainty"),
    record=DrawnRecord,
    tuned_by="rtuning_helpers.tuning.drawn",
    may_refuse=True,
)
