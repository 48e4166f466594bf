"""What a model said, asked once for all estimators, and what an estimator is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rtuning_helpers.data import prompts
from rtuning_helpers.data.answer_end import line_end
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.answering import answer_questions, draw_question_answers
from rtuning_helpers.model.decoding import Answer, answer_prompts
from rtuning_helpers.model.fitting import REPLY_TOKENS
from rtuning_helpers.model.language_model import LanguageModel

SameMeaning = Callable[[str, str, str], bool]
"""(question, one answer, another) -> whether they say the same, from a model of entailment, say."""

Need = Literal["samples", "sureness", "training", "replies"]


@dataclass(frozen=True)
class Evidence:
    """What a model said about each question, and what else an estimator may use.

    Attributes:
        lm: The model, for further questions to it.
        questions: The n questions.
        answers: The greedy answers; with the sure confidence if it was asked.
        samples: For each question its k sampled answers, k at least 2; None if not drawn.
        training: Questions with known outcome, of other subjects, to fit probes on.
        training_correct: Whether the model answers each of them right.
        same_meaning: Whether two answers mean the same, by a model of entailment; by equal words where None.

    Raises:
        ValueError: Fewer than two samples of a question, or another number of outcomes than of training questions.
    """

    lm: LanguageModel
    questions: Sequence[Question]
    answers: Sequence[Answer]
    samples: Sequence[Sequence[Answer]] | None = None
    training: Sequence[Question] = ()
    training_correct: Sequence[bool] = ()
    same_meaning: SameMeaning | None = None
    batch_size: int = 128

    def __post_init__(self) -> None:
        if len(self.training) != len(self.training_correct):
            counts = f"{len(self.training_correct)} rows, training {len(self.training)}"
            raise ValueError(f"training_correct has {counts}; expected as many")
        for question, row in zip(self.questions, self.samples or (), strict=False):
            if len(row) < 2:
                raise ValueError(f"samples of {question.id} hold {len(row)} answer; k has to be at least 2")

    @property
    def correct(self) -> np.ndarray:
        """Whether each greedy answer is right, shape (n,)."""
        return np.array([is_right(q, a.text) for q, a in zip(self.questions, self.answers, strict=True)])

    @property
    def drawn(self) -> Sequence[Sequence[Answer]]:
        """The samples of each question; without any, a ValueError that says what to do."""
        if self.samples is None:
            raise ValueError("evidence has no samples; gather it with k of at least 2")
        return self.samples


@dataclass(frozen=True)
class Estimator:
    """One way to know how sure a model is; its file in ``estimators/`` declares one as ``ESTIMATOR``.

    Attributes:
        name: What tables and figures call it.
        confidence: From the evidence a confidence in each greedy answer, shape (n,), between 0 and 1, higher for
            answers that are more likely right; NaN where it finds no number. Most are rankings and not yet
            probabilities, see `calibrators`.
        order: Its place in tables; lower ones come first.
        source: Where it was defined.
        needs: What it costs beside the greedy answers: ``samples`` drawn, the ``sureness`` question put (to models
            tuned to answer it), ``training`` questions, ``replies`` to further questions about the answer.
    """

    name: str
    confidence: Callable[[Evidence], np.ndarray]
    order: int
    source: str
    needs: tuple[Need, ...] = ()


def gather(
    lm: LanguageModel,
    questions: Sequence[Question],
    *,
    k: int | None = 10,
    temperature: float = 0.7,
    seed: int = 0,
    sureness: tuple[str, str] | None = None,
    max_new_tokens: int = 15,
    batch_size: int = 128,
) -> Evidence:
    """Ask a model once what the estimators need.

    Args:
        questions: What to ask, of any tasks; prompts that fit (`fitting.fit_questions`).
        k: Samples a question; None draws none.
        sureness: Also put the sureness question, with these labels for sure and unsure; for models taught to answer it.
        max_new_tokens: Longest answer in words [tokens].

    Raises:
        ValueError: k below 2.
    """
    if k is not None and k < 2:
        raise ValueError(f"k is {k}; estimators over samples need at least 2")
    sizes: dict[str, Any] = {"max_new_tokens": max_new_tokens, "batch_size": batch_size}
    answers = answer_questions(lm, questions, sureness=sureness, **sizes)
    samples = None
    if k is not None:
        samples = draw_question_answers(lm, questions, k=k, temperature=temperature, seed=seed, **sizes)
    return Evidence(lm, questions, answers, samples, batch_size=batch_size)


def replies(evidence: Evidence, question: str) -> list[str]:
    """What the model says when it is asked a further question about each of its answers."""
    contexts = [
        prompts.confidence_prompt(prompts.task_prompt(q), a.text, question, q.frame.gap)
        for q, a in zip(evidence.questions, evidence.answers, strict=True)
    ]
    sizes: dict[str, Any] = {"max_new_tokens": REPLY_TOKENS, "batch_size": evidence.batch_size}
    said = answer_prompts(evidence.lm, contexts, end=line_end, **sizes)
    return [answer.text for answer in said]
