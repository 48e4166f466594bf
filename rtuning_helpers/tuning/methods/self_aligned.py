"""Refusals that say why, in the spirit of Self-Aligned (Deng et al. 2024): twins of known questions, curated.

Every known question gets unknown twins of three classes; those that the untuned model takes for the same question
(small *disparity*) are left out; each of the others is refused with its reason, and so is what was answered wrong.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.words import as_compared
from rtuning_helpers.data.world.twins import REASONS, UNREAD
from rtuning_helpers.errors import InputError
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.further import TWINS, FurtherMethod, drawn, questions_of
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_records

if TYPE_CHECKING:
    from rtuning_helpers.probe.probing import Probe

DISPARITY = 0.5  # from which a twin counts as another question than the one that it was made from
ANSWERED_SHARE = 0.5  # of the records


@dataclass(frozen=True)
class Twin:
    """An unknown question made from a known one, and what the untuned model says to it.

    Attributes:
        source: Id of the question that it was made from.
        reason: Its class, a key of `REASONS`.
        prompt: As it is asked.
        prediction, confidence: The untuned model's greedy answer, and its confidence, 0 to 1.
    """

    source: str
    reason: str
    prompt: str
    prediction: str
    confidence: float


def disparity(source: "Probe", twin: Twin) -> float:
    """How much of the untuned model's support for its answer is gone when the twin is asked: at most 1, 0 for none.

    Its confidence in the answer to the known question, less its confidence in the same answer to the twin; nothing is
    subtracted where it answers something else.
    """
    same = as_compared(source.prediction) == as_compared(twin.prediction)
    return source.confidence - (twin.confidence if same else 0.0)


def curated(probes: Probes, twins: Sequence[Twin]) -> list[Twin]:
    """The twins of certain questions that the untuned model does not take for them."""
    sources = {p.id: p for p in probes if p.correct}
    return [t for t in twins if t.source in sources and disparity(sources[t.source], t) >= DISPARITY]


def build_self_aligned(
    probes: Probes, questions: Sequence[Question] | None = None, *, twins: Sequence[Twin], seed: int = 0
) -> list[TuningRecord]:
    """As many records as there are probes: one half answers, the other refusals, the same number of each class.

    Arguments and errors as `build_sureness`, and:

    Args:
        twins: Those of the training questions; curated here.
        seed: Of the draws.

    Raises:
        InputError: There are no twins: the questions are not about the mini world.
    """
    if not twins:
        raise InputError(
            "method self-aligned makes its questions from the mini world; expected data set mini or mini-*"
        )
    rng, asked = random.Random(seed), questions_of(probes, questions)
    place_of = {p.id: place for place, p in enumerate(probes)}
    unread = [(place, None) for place, p in enumerate(probes) if not p.correct]
    by_reason: dict[str, list[tuple[int, Twin | None]]] = {UNREAD: [*unread]}
    for twin in curated(probes, twins):
        by_reason.setdefault(twin.reason, []).append((place_of[twin.source], twin))
    known = [(place, None) for place, p in enumerate(probes) if p.correct]
    refused, reasons = len(probes) - round(ANSWERED_SHARE * len(probes)), [r for r, of in by_reason.items() if of]
    chosen: list[tuple[int, Twin | None, str]] = []
    for number, reason in enumerate(reasons):
        count = refused * (number + 1) // len(reasons) - refused * number // len(reasons)
        chosen += [(*one, reason) for one in drawn(by_reason[reason], count, rng)]
    chosen += [(*one, "") for one in drawn(known, len(probes) - len(chosen), rng)]
    told = [f" {REASONS[why]}" if why else prompts.answer_completion(probes[i].answer) for i, _, why in chosen]
    sources, known_ones = [probes[i] for i, *_ in chosen], [not why for *_, why in chosen]
    records = build_records(sources, questions and [asked[i] for i, *_ in chosen], told, known_ones)
    return [
        r if twin is None else TuningRecord(f"{r.id} {why}", twin.prompt, r.completion, r.certain, r.end)
        for r, (_, twin, why) in zip(records, chosen, strict=True)
    ]


METHOD = FurtherMethod(
    name="self-aligned",
    build=build_self_aligned,
    order=4.2,
    look=Look("self-aligned", colour=12, line=(0, (1, 1)), marker=">"),
    needs=("seed",),
    further=(TWINS,),
    may_refuse=True,
)
