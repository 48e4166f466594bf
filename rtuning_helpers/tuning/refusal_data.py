"""Refusal-aware training data: padding, replacement, unsupervised, and vanilla beside them (paper 2.2, 5.1, A.3).

All builders take the probes and, for anything but plain open questions, the questions as they were asked: from them the
prompts are made again, and each is held against the digest that its probe recorded.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.probe.probing import Probe, prompt_digest


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


def build_vanilla(probes: Sequence[Probe], questions: Sequence[Question] | None = None) -> list[TuningRecord]:
    """The gold answer to every question, whatever the model knew: the baseline.

    Args:
        probes: The probed training questions.
        questions: The same questions as they were asked; needed where they have options, context or examples.

    Raises:
        ValueError: Questions that were asked with another prompt, or an unanswerable one: it has no gold answer.
    """
    return [
        _record(p, prompt, p.correct, prompts.answer_completion(_gold(p))) for p, prompt in _asked(probes, questions)
    ]


def build_padding(probes: Sequence[Probe], questions: Sequence[Question] | None = None) -> list[TuningRecord]:
    """The gold answer to every question, followed by "I am sure" (D1) or "I am unsure" (D0). Paper section 2.2.

    Args and errors are those of `build_vanilla`.
    """
    return [
        _record(p, prompt, p.correct, prompts.padding_completion(_gold(p), p.correct))
        for p, prompt in _asked(probes, questions)
    ]


def build_replacement(
    probes: Sequence[Probe], seed: int = 0, questions: Sequence[Question] | None = None
) -> list[TuningRecord]:
    """The gold answer (D1) or one of sixteen refusals in its place (D0): R-Tuning-R, paper A.3.

    Unanswerable questions are always uncertain, so that they get a refusal.

    Args:
        probes: The probed training questions.
        seed: Seed of the draw of the refusals.
        questions: As in `build_vanilla`.

    Raises:
        ValueError: Questions that were asked with another prompt.
    """
    rng = random.Random(seed)
    refusals = [prompts.refusal_completion(rng.choice(prompts.REFUSALS)) for _ in probes]
    return [
        _record(p, prompt, p.correct, prompts.answer_completion(p.answer) if p.correct else refusal)
        for (p, prompt), refusal in zip(_asked(probes, questions), refusals, strict=True)
    ]


def build_unsupervised(
    probes: Sequence[Probe],
    entropies: Sequence[float],
    seed: int = 0,
    questions: Sequence[Question] | None = None,
) -> tuple[list[TuningRecord], MedianSplit]:
    """Padding without labels for the split: the half with the higher answer entropy is "unsure" (paper 5.1).

    The gold answer is kept in both halves, as in the released code.

    Args:
        probes: The training questions.
        entropies: Entropy of the sampled answers to each [nats].
        seed: Seed of the lot that divides ties at the median.
        questions: As in `build_vanilla`.

    Raises:
        ValueError: Not one entropy for each probe, questions that were asked with another prompt, or an
            unanswerable one.
    """
    split = median_split(entropies, seed)
    records = [
        _record(p, prompt, certain, prompts.padding_completion(_gold(p), certain))
        for (p, prompt), certain in zip(_asked(probes, questions), split.certain, strict=True)
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


def _record(probe: Probe, prompt: str, certain: bool, completion: str) -> TuningRecord:
    return TuningRecord(probe.id, prompt, completion, certain)


def _gold(probe: Probe) -> str:
    if not probe.answerable:
        raise ValueError(
            f"question {probe.id} is unanswerable and has no gold answer; expected answerable questions, or the "
            "method replacement"
        )
    return probe.answer


def _asked(probes: Sequence[Probe], questions: Sequence[Question] | None) -> list[tuple[Probe, str]]:
    """Each probe with the prompt of its question, which must be the one that was probed."""
    if questions is None:
        pairs = [(probe, prompts.question_prompt(probe.question)) for probe in probes]
    else:
        if [p.id for p in probes] != [q.id for q in questions]:
            raise ValueError("questions are not those of the probes; expected the same ids in the same order")
        pairs = [(probe, prompts.task_prompt(q)) for probe, q in zip(probes, questions, strict=True)]
    for probe, prompt in pairs:
        if probe.prompt_digest not in ("", prompt_digest(prompt)):
            raise ValueError(
                f"question {probe.id} was probed with another prompt; expected the questions as they were asked, with "
                "their options, context and examples"
            )
    return pairs
