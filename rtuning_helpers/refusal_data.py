"""Refusal-aware training data: padding, replacement, unsupervised, and vanilla beside them (paper 2.2, 5.1, A.3)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rtuning_helpers import prompts
from rtuning_helpers.probing import Probe


@dataclass(frozen=True)
class TuningRecord:
    """One training example: the model reads the prompt and learns the completion.

    Attributes:
        id: Id of the question.
        prompt: Exactly the prompt used for probing.
        completion: What the model is to write after it.
        certain: The split the question fell into: True for D1, False for D0.
    """

    id: str
    prompt: str
    completion: str
    certain: bool


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


def build_vanilla(probes: Sequence[Probe]) -> list[TuningRecord]:
    """The gold answer to every question, whatever the model knew: the baseline."""
    return [_record(p, p.correct, prompts.answer_completion(p.answer)) for p in probes]


def build_padding(probes: Sequence[Probe]) -> list[TuningRecord]:
    """The gold answer to every question, followed by "I am sure" (D1) or "I am unsure" (D0). Paper section 2.2."""
    return [_record(p, p.correct, prompts.padding_completion(p.answer, p.correct)) for p in probes]


def build_replacement(probes: Sequence[Probe], seed: int = 0) -> list[TuningRecord]:
    """The gold answer (D1) or one of sixteen refusals in its place (D0): R-Tuning-R, paper A.3.

    Args:
        probes: The probed training questions.
        seed: Seed of the draw of the refusals.
    """
    rng = random.Random(seed)
    refusals = [prompts.refusal_completion(rng.choice(prompts.REFUSALS)) for _ in probes]
    return [
        _record(p, p.correct, prompts.answer_completion(p.answer) if p.correct else refusal)
        for p, refusal in zip(probes, refusals, strict=True)
    ]


def build_unsupervised(
    probes: Sequence[Probe], entropies: Sequence[float], seed: int = 0
) -> tuple[list[TuningRecord], MedianSplit]:
    """Padding without labels for the split: the half with the higher answer entropy is "unsure" (paper 5.1).

    The gold answer is kept in both halves, as in the released code.

    Args:
        probes: The training questions.
        entropies: Entropy of the sampled answers to each [nats].
        seed: Seed of the lot that divides ties at the median.
    """
    split = median_split(entropies, seed)
    records = [
        _record(p, certain, prompts.padding_completion(p.answer, certain))
        for p, certain in zip(probes, split.certain, strict=True)
    ]
    return records, split


def median_split(entropies: Sequence[float], seed: int = 0) -> MedianSplit:
    """Put the half with the higher entropy aside as uncertain.

    With k samples only a few entropies are possible, so many questions tie at the median. The released code leaves
    those to the order of the file; here a seeded lot decides.

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


def _record(probe: Probe, certain: bool, completion: str) -> TuningRecord:
    return TuningRecord(probe.id, prompts.question_prompt(probe.question), completion, certain)
