"""Unsupervised (R-Tuning-U): padding without labels, "unsure" where sampled answers scatter most. Paper section 5.1."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_sureness

if TYPE_CHECKING:
    from rtuning_helpers.probe.uncertainty import Uncertainty


@dataclass(frozen=True)
class MedianSplit:
    """How R-Tuning-U cut the questions in two.

    Attributes:
        certain: For each question, in the order given, whether it fell into the certain half.
        threshold: Entropy at the cut [nats].
        tied: Questions whose entropy equals the threshold.
        tied_uncertain: How many of those were put into the uncertain half, by lot.
    """

    certain: tuple[bool, ...]
    threshold: float
    tied: int
    tied_uncertain: int


def build_unsupervised(
    probes: Probes,
    questions: Sequence[Question] | None = None,
    *,
    uncertainty: Sequence["Uncertainty"],
    seed: int = 0,
) -> list[TuningRecord]:
    """Padding without labels for the split: the half with the higher answer entropy is "unsure".

    The gold answer is kept in both halves, as in the released code.

    Arguments and errors as `build_sureness`, and:

    Args:
        uncertainty: Of each question, with the entropy of its sampled answers.
        seed: Seed of the lot that divides ties at the median.
    """
    return build_sureness(probes, questions, median_split([u.entropy for u in uncertainty], seed).certain)


def median_split(entropies: Sequence[float], seed: int = 0) -> MedianSplit:
    """Put the half with the higher entropy aside as uncertain.

    With k samples only a few entropies are possible, so many questions tie at the median. The released code leaves
    those to the order of the file; here a seeded lot decides.

    Args:
        entropies: Entropy of the sampled answers to each question [nats].
        seed: Seed of the lot.

    Raises:
        ValueError: No entropies.
    """
    if not entropies:
        raise ValueError("entropies is empty; expected one number for each question")
    rng = random.Random(seed)
    order = sorted(range(len(entropies)), key=lambda i: (-round(entropies[i], 9), rng.random()))
    uncertain = set(order[: len(entropies) // 2])
    threshold = entropies[order[max(len(entropies) // 2 - 1, 0)]]
    tied = [i for i in order if round(entropies[i], 9) == round(threshold, 9)]
    return MedianSplit(
        certain=tuple(i not in uncertain for i in range(len(entropies))),
        threshold=threshold,
        tied=len(tied),
        tied_uncertain=sum(i in uncertain for i in tied),
    )


METHOD = Method(
    name="unsupervised",
    build=build_unsupervised,
    order=4,
    look=Look("unsupervised", colour=4, line="-.", marker="^"),
    needs=("seed", "uncertainty"),
    sureness=prompts.SURENESS_LABELS,
    paper="R-Tuning-U",
)
