"""Ask a tuned model the test questions: answers, answer confidence, sure confidence, refusals. Paper 2.3 and 3.3."""

import sys
from collections.abc import Sequence
from importlib import import_module

from rtuning_helpers.data.matching import is_refusal, is_right
from rtuning_helpers.data.questions import ASKED, Question
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.metrics.answers import WILLING
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.decoding import Answer
from rtuning_helpers.model.language_model import LanguageModel


def predict(
    lm: LanguageModel,
    questions: Sequence[Question],
    *,
    sureness: tuple[str, str] | None = None,
    may_refuse: bool = False,
    description: str = "answering",
    rule: str = "words",
    max_new_tokens: int = 15,
    batch_size: int = 128,
) -> list[Prediction]:
    """Answer the questions and record all that the metrics need.

    Args:
        questions: Of any tasks; prompts that fit (`fitting.fit_questions`).
        sureness: The labels for sure and unsure that the model was taught, such as `prompts.SURENESS_LABELS`: it is
            asked how sure it is, and refuses where P(sure) is at most one half. None for a model that was taught none.
        may_refuse: Whether the model was taught to refuse in words, with or without options (there it writes freely
            first, and chooses a letter unless that is a refusal). A model that was taught neither always answers.
        rule: Matching rule of open questions, see ``matching.matches``; a refusal never counts as right, nor does any
            answer to an unanswerable question.
        max_new_tokens: Longest answer [tokens].
    """
    answers = answer_questions(
        lm,
        questions,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        sureness=sureness,
        may_refuse=may_refuse,
        description=description,
    )
    return [
        Prediction(
            **{name: getattr(q, name) for name in ASKED},
            prediction=a.text,
            correct=is_right(q, a.text, rule),
            answer_confidence=a.confidence,
            sure_confidence=a.sure_probability,
            refused=has_refused(q, a, may_refuse),
            task=q.task,
        )
        for q, a in zip(questions, answers, strict=True)
    ]


def has_refused(question: Question, answer: Answer, may_refuse: bool) -> bool | None:
    """Whether a model refuses to answer: it says it is unsure, or writes a refusal; None if it was taught neither."""
    said_no = may_refuse and is_refusal(answer.text, question.golds)
    if answer.sure_probability is None:
        return said_no if may_refuse else None
    return said_no or answer.sure_probability <= WILLING


if __name__ == "__main__":  # by its name, since it stands above: accelerate launch -m ... --config GRID.yaml
    sys.exit(import_module("rtuning_helpers.app.together").main("evaluation"))
