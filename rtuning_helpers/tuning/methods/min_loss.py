"""Min-loss (paper A.8, Table 12): the model may choose between the answer and "unknown", whichever costs it less."""

from collections.abc import Sequence

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.further import FurtherMethod, PairRecord
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_records

FRAME = "The answer is"  # before either; one of the sixteen refusals goes on with "unknown"
UNKNOWN = f" {FRAME} unknown{prompts.STOP}"


def build_min_loss(probes: Probes, questions: Sequence[Question] | None = None) -> list[TuningRecord]:
    """A record a probe: first what the split says, the answer (D1) or "unknown" (D0), then the other of the two.

    Unanswerable questions have "unknown" twice. Arguments and errors as `build_sureness`.
    """
    golds = [f" {FRAME}{prompts.answer_completion(p.answer)}" if p.answerable else UNKNOWN for p in probes]
    first = [gold if p.correct else UNKNOWN for p, gold in zip(probes, golds, strict=True)]
    records = build_records(probes, questions, first, [p.correct for p in probes])
    gaps = [" "] * len(records) if questions is None else [q.frame.gap for q in questions]
    others = [UNKNOWN if p.correct else gold for p, gold in zip(probes, golds, strict=True)]
    return [
        PairRecord(r.id, r.prompt, r.completion, r.certain, r.end, gap + other.removeprefix(" "))
        for r, other, gap in zip(records, others, gaps, strict=True)
    ]


METHOD = FurtherMethod(
    name="min-loss",
    build=build_min_loss,
    order=4.3,
    look=Look("min-loss", colour=18, line=(0, (8, 2)), marker="h"),
    record=PairRecord,
    tuned_by="rtuning_helpers.tuning.min_loss",
    may_refuse=True,
)
