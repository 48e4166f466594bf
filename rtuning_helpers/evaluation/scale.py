"""Ask a model how sure it is on a scale of labels, and read its confidence as an expected value."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.metrics.answers import WILLING
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel


def predict_on_scale(
    lm: LanguageModel, questions: Sequence[Question], *, scale: Sequence[str], batch_size: int = 128, **options: Any
) -> list[Prediction]:
    """As `predict.predict`, with the expected value of the scale as sure confidence.

    Args:
        scale: The labels that the model was taught behind the sureness question, from the surest, which counts 1, to
            the least sure, 0, at equal distances. It refuses where it is at most half sure.
        options: Those of `predict`, without labels for sure and unsure.
    """
    found = predict(lm, questions, batch_size=batch_size, **options)
    shares = scale_shares(lm, questions, [p.prediction for p in found], scale, batch_size=batch_size)
    expected = np.clip(shares @ np.linspace(1, 0, len(scale)), 0, 1).tolist()
    return [replace(p, sure_confidence=sure, refused=sure <= WILLING) for p, sure in zip(found, expected, strict=True)]


def scale_shares(
    lm: LanguageModel, questions: Sequence[Question], answers: Sequence[str], scale: Sequence[str], **options: Any
) -> np.ndarray:
    """The share of each label behind each question with its answer and the sureness question, (questions, labels)."""
    contexts = [prompts.sureness_context(q, text) for q, text in zip(questions, answers, strict=True)]
    return label_probabilities(lm, contexts, scale, ids=[q.id for q in questions], description="how sure", **options)
