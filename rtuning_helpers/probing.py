"""Ask the untuned model first: what it answers correctly is certain (D1), the rest is uncertain (D0). Paper 2.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtuning_helpers import prompts
from rtuning_helpers.decoding import answer_prompts
from rtuning_helpers.language_model import LanguageModel
from rtuning_helpers.matching import matches
from rtuning_helpers.questions import Question


@dataclass(frozen=True)
class Probe:
    """One question with what the untuned model made of it.

    Attributes:
        prediction: The model's greedy answer.
        correct: Whether it matches the gold answer.
        confidence: Geometric mean of the answer tokens' probabilities, 0 to 1.
        token_entropy: Entropy of the distribution over the answer's first token [nats].
    """

    id: str
    dataset: str
    split: str
    question: str
    answer: str
    relation: str
    exposure: int | None
    prediction: str
    correct: bool
    confidence: float
    token_entropy: float


def probe(
    lm: LanguageModel,
    questions: Sequence[Question],
    *,
    rule: str = "words",
    max_new_tokens: int = 15,
    batch_size: int = 128,
) -> list[Probe]:
    """Answer every question greedily and compare with the gold answer.

    Args:
        lm: The untuned model.
        questions: What to ask.
        rule: Matching rule, see ``matching.matches``.
        max_new_tokens: Longest answer [tokens]; the released probing script uses 15.
        batch_size: Questions answered at the same time.

    Returns:
        One probe a question, in the order given.
    """
    answers = answer_prompts(
        lm,
        [prompts.question_prompt(q.question) for q in questions],
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        ids=[q.id for q in questions],
        description="probing",
    )
    return [
        Probe(
            id=q.id,
            dataset=q.dataset,
            split=q.split,
            question=q.question,
            answer=q.answer,
            relation=q.relation,
            exposure=q.exposure,
            prediction=a.text,
            correct=matches(a.text, q.answer, rule),
            confidence=a.confidence,
            token_entropy=a.first_token_entropy,
        )
        for q, a in zip(questions, answers, strict=True)
    ]


def split_by_certainty(probes: Sequence[Probe]) -> tuple[list[Probe], list[Probe]]:
    """The certain set D1 (answered correctly) and the uncertain set D0 (the rest)."""
    return [p for p in probes if p.correct], [p for p in probes if not p.correct]
