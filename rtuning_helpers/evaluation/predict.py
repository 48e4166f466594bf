"""Ask a tuned model the test questions: answers, answer confidence, sure confidence, refusals. Paper 2.3 and 3.3."""

from __future__ import annotations

from collections.abc import Sequence

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import Question
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.language_model import LanguageModel

ASKED_FOR_SURENESS = ("padding", "unsupervised")
WILLING = 0.5  # a padding model is willing to answer where P(sure) is above this (released evaluator)


def predict(
    lm: LanguageModel,
    questions: Sequence[Question],
    method: str,
    *,
    rule: str = "words",
    max_new_tokens: int = 15,
    batch_size: int = 128,
) -> list[Prediction]:
    """Answer the questions and record all that the metrics need.

    Args:
        lm: The model tuned by ``method``.
        questions: Test questions of any tasks; prompts that fit (`fitting.fit_questions`).
        method: ``pretrained``, ``vanilla``, ``padding``, ``unsupervised`` or ``replacement``. Only padding and
            unsupervised models were taught to say how sure they are, so only they have a sure confidence, and refuse
            where it is at most 0.5; only replacement models refuse in words, with or without options (there they
            write freely first, and choose a letter unless that is a refusal). The others always answer.
        rule: Matching rule of open questions, see ``matching.matches``; a refusal never counts as right, nor does any
            answer to an unanswerable question.
        max_new_tokens: Longest answer [tokens].
        batch_size: Questions answered at the same time.
    """
    asks = method in ASKED_FOR_SURENESS
    answers = answer_questions(
        lm,
        questions,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        ask_sureness=asks,
        may_refuse=method == "replacement",
        description=f"{method}: answering",
    )
    predictions = []
    for q, a in zip(questions, answers, strict=True):
        refused = None
        if asks:
            refused = a.sure_probability <= WILLING
        elif method == "replacement":
            refused = prompts.is_refusal(a.text)
        said_no = method == "replacement" and refused
        predictions.append(
            Prediction(
                id=q.id,
                dataset=q.dataset,
                split=q.split,
                question=q.question,
                answer=q.answer,
                prediction=a.text,
                correct=not said_no and is_right(q, a.text, rule),
                answer_confidence=a.confidence,
                sure_confidence=a.sure_probability,
                refused=refused,
                relation=q.relation,
                exposure=q.exposure,
                task=q.task,
                answerable=q.answerable,
            )
        )
    return predictions
