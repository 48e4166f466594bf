"""Methods that need more than the main line makes: a rehearsal, questions without an answer, or another way to tune."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from rtuning_helpers.data.questions import Question
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord

REHEARSAL, TWINS = "rehearsal", "twins"
FURTHER = (REHEARSAL, TWINS)
Item = TypeVar("Item")


@dataclass(frozen=True)
class PairRecord(TuningRecord):
    """One training example with two completions.

    Attributes:
        other: The other completion: the rejected one in preference tuning, the alternative in min-loss.
    """

    other: str = ""


@dataclass(frozen=True)
class FurtherMethod(Method):
    """A method with needs of its own.

    Attributes:
        further: What ``build`` takes by name besides: ``"rehearsal"`` (`craft.Resampled` of each question) and
            ``"twins"`` (`self_aligned.Twin` of the training questions).
        record: The class of its records.
        tuned_by: The module whose ``finetune`` tunes on them, "" for `tuning.finetuning`; it takes records, settings
            and folder, and by name ``seed``, ``description`` and ``place``.
    """

    further: tuple[str, ...] = ()
    record: type[TuningRecord] = TuningRecord
    tuned_by: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := set(self.further) - set(FURTHER):
            raise ValueError(f"method {self.name} needs {', '.join(unknown)}; expected some of {', '.join(FURTHER)}")


def questions_of(probes: Probes, questions: Sequence[Question] | None) -> Sequence[Question]:
    """The questions as they were asked; made from the probes where they are plain open ones."""
    if questions is not None:
        return questions
    return [
        Question(p.id, p.dataset, p.split, p.question, p.answer, p.relation, p.exposure, answerable=p.answerable)
        for p in probes
    ]


def drawn(items: Sequence[Item], count: int, rng: random.Random) -> list[Item]:
    """So many of the items by lot, each as often as every other, give or take one; none where there are none.

    >>> sorted(drawn("ab", 5, random.Random(0))) in (list("aaabb"), list("aabbb"))
    True
    """
    if not items:
        return []
    whole, rest = divmod(count, len(items))
    return [*(list(items) * whole), *rng.sample(list(items), rest)]
