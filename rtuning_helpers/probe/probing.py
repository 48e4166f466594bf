"""Ask the untuned model first: what it answers correctly is certain (D1), the rest is uncertain (D0). Paper 2.1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import ASKED, OPEN, Question
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.option_orders import choose_over_orders


@dataclass(frozen=True)
class Probe:
    """One question with what the untuned model made of it.

    Attributes:
        prediction: The model's greedy answer; for tasks with options a letter.
        correct: Whether it is right, see `matching.is_right`.
        confidence: Geometric mean of the answer tokens' probabilities, or the letter's share among the options, 0 to 1.
        token_entropy: Entropy of the distribution over the answer's first token, or over the options [nats].
        answerable: Whether the question has an answer at all.
        prompt_digest: Of the prompt that was read (`prompts.prompt_digest`), so that training can be held to the same
            one; "" if not recorded. The prompt itself would repeat its examples in every row.
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
    answerable: bool = True
    prompt_digest: str = ""


def probe(
    lm: LanguageModel,
    questions: Sequence[Question],
    *,
    rule: str = "words",
    max_new_tokens: int = 15,
    batch_size: int = 128,
    permutations: int = 1,
) -> list[Probe]:
    """Answer every question greedily and compare with the gold answer.

    Args:
        questions: What to ask, of any tasks; prompts that fit (`fitting.fit_questions`).
        rule: Matching rule of open questions, see ``matching.matches``.
        max_new_tokens: Longest answer [tokens]; the released probing script uses 15.
        permutations: In how many orders the options of a question are shown, see `option_orders`; 1 for the order in
            which they are written.
    """
    how: dict[str, Any] = {"batch_size": batch_size, "description": "probing"}
    turned = [i for i, q in enumerate(questions) if permutations > 1 and q.task != OPEN]
    straight = sorted(set(range(len(questions))) - set(turned))
    found = dict(zip(turned, choose_over_orders(lm, [questions[i] for i in turned], permutations, **how), strict=True))
    said = answer_questions(lm, [questions[i] for i in straight], max_new_tokens=max_new_tokens, **how)
    found |= zip(straight, said, strict=True)
    answers = [found[i] for i in range(len(questions))]
    return [
        Probe(
            **{name: getattr(q, name) for name in ASKED},
            prediction=a.text,
            correct=is_right(q, a.text, rule),
            confidence=a.confidence,
            token_entropy=a.first_token_entropy,
            prompt_digest=prompts.prompt_digest(prompts.task_prompt(q)),
        )
        for q, a in zip(questions, answers, strict=True)
    ]


def split_by_certainty(probes: Sequence[Probe]) -> tuple[list[Probe], list[Probe]]:
    """The certain set D1 (answered correctly) and the uncertain set D0 (the rest)."""
    return [p for p in probes if p.correct], [p for p in probes if not p.correct]
