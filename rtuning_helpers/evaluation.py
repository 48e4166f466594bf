"""Ask a tuned model the test questions: answers, answer confidence, sure confidence, refusals. Paper 2.3 and 3.3."""

from __future__ import annotations

from collections.abc import Sequence

from rtuning_helpers import prompts
from rtuning_helpers.decoding import answer_prompts
from rtuning_helpers.language_model import LanguageModel
from rtuning_helpers.matching import matches
from rtuning_helpers.predictions import Prediction
from rtuning_helpers.questions import Question

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
        questions: Test questions.
        method: ``pretrained``, ``vanilla``, ``padding``, ``unsupervised`` or ``replacement``. Only padding and
            unsupervised models were taught to say how sure they are, so only they have a sure confidence, and refuse
            where it is at most 0.5; only replacement models refuse in words. The others always answer.
        rule: Matching rule, see ``matching.matches``; a refusal never counts as right.
        max_new_tokens: Longest answer [tokens].
        batch_size: Questions answered at the same time.
    """
    asks = method in ASKED_FOR_SURENESS
    answers = answer_prompts(
        lm,
        [prompts.question_prompt(q.question) for q in questions],
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        ask_sureness=asks,
        ids=[q.id for q in questions],
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
                correct=not said_no and matches(a.text, q.answer, rule),
                answer_confidence=a.confidence,
                sure_confidence=a.sure_probability,
                refused=refused,
                relation=q.relation,
                exposure=q.exposure,
            )
        )
    return predictions
