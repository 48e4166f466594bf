"""Losses that weigh: examples that count in part, and completions that are right in part, drawn anew for each pass.

An example of weight w is trained in a pass with probability w, and its completion is drawn by the shares of its
alternatives. The expected gradient is that of the loss times w, and of the cross-entropy with the shares as soft label:
whole completions are the classes, so that labels of several tokens need no care.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import Profile
from rtuning_helpers.tuning.refusal_data import TuningRecord

if TYPE_CHECKING:
    from rtuning_helpers.tuning.finetuning import TrainingLog


@dataclass(frozen=True)
class DrawnRecord(TuningRecord):
    """One training example that counts in part, or has several completions.

    Attributes:
        weight: Probability with which a pass trains on it.
        alternatives: Completions with their shares, which sum to 1; none for its one completion.
    """

    weight: float = 1.0
    alternatives: dict[str, float] = field(default_factory=dict)


def finetune(
    records: Sequence[DrawnRecord],
    settings: Profile,
    out: Path,
    *,
    seed: int = 0,
    description: str = "fine-tuning",
    place: Unfinished | None = None,
) -> "TrainingLog":
    """As `finetuning.finetune`, on what is drawn for all passes; ``seed`` is that of the draw too."""
    from rtuning_helpers.tuning.finetuning import finetune as finetune_on_completions

    drawn = drawn_passes(records, settings.epochs, seed)
    once = replace(settings, epochs=1)
    return finetune_on_completions(drawn, once, out, seed=seed, description=description, place=place)


def drawn_passes(records: Sequence[DrawnRecord], passes: float, seed: int = 0) -> list[TuningRecord]:
    """The examples of so many passes, one pass after the other; of a part of a pass, each with that probability."""
    rng, found = random.Random(seed), []
    plain = [f.name for f in fields(TuningRecord)]
    while passes > 0:
        for record in records:
            keep, completion = rng.random() < record.weight * min(passes, 1), record.completion
            if record.alternatives:
                (completion,) = rng.choices(list(record.alternatives), list(record.alternatives.values()))
            if keep:
                values = {name: getattr(record, name) for name in plain}
                found.append(TuningRecord(**values | {"completion": completion}))
        passes -= 1
    return found
