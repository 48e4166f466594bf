"""Ask a model how sure it is on a scale of labels, and read its confidence as an expected value."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.metrics.answers import WILLING
from rtuning_helpers.model.forward import Reading, readings
from rtuning_helpers.model.labels import label_token_ids
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.out_of_memory import each_in_batches


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
    lm: LanguageModel,
    questions: Sequence[Question],
    answers: Sequence[str],
    scale: Sequence[str],
    batch_size: int = 128,
) -> np.ndarray:
    """The share of each label behind each question with its answer and the sureness question, (questions, labels).

    As if the model wrote the label token by token and had no choice but the labels: at each token, those with which
    some label goes on share what is there. So a label of many tokens is not behind one of few because each token costs
    something, as it does for a model that had never written digits before it was tuned.
    """
    contexts = [prompts.sureness_context(q, text) for q, text in zip(questions, answers, strict=True)]
    if not contexts:
        return np.zeros((0, len(scale)))
    label_ids = label_token_ids(lm.tokenizer, contexts[0], scale)
    room = max(map(len, label_ids))

    def score(waiting: list[int], batch_size: int) -> Iterator[tuple[int, np.ndarray]]:
        asked, names = [contexts[i] for i in waiting], [questions[i].id for i in waiting]
        for rows, reading in readings(lm, asked, batch_size, "how sure", names, room):
            yield from zip([waiting[row] for row in rows], walked_shares(reading, label_ids), strict=True)

    return np.array(each_in_batches(score, len(contexts), batch_size))


@torch.inference_mode()
def walked_shares(reading: Reading, label_ids: Sequence[list[int]]) -> np.ndarray:
    """The shares of labels, given by their tokens, behind what was read, shape (rows, labels)."""
    rows, scores = reading.rows, []
    for ids in label_ids:
        if reading.lm.cache_kind.changing:
            logits = reading.read([row + ids for row in rows], keep=len(ids) + 1)[:, :-1]
        else:
            more = [reading.read([row + ids[:-1] for row in rows], keep=len(ids) - 1)] if len(ids) > 1 else []
            logits = torch.cat([reading.logits[:, None], *more], dim=1)
        scores.append(logits[:, torch.arange(len(ids)), ids].cpu().double())  # Apple's GPUs have no float64
    totals = [torch.zeros(len(rows), dtype=torch.float64) for _ in label_ids]
    for own, ids in enumerate(label_ids):
        for place in range(len(ids)):
            beside = {  # by token, for several labels may go on with it
                other[place]: scores[k][:, place] for k, other in enumerate(label_ids) if other[:place] == ids[:place]
            }
            beside[ids[place]] = scores[own][:, place]
            totals[own] = totals[own] + scores[own][:, place] - torch.stack(list(beside.values())).logsumexp(0)
    return torch.stack(totals, dim=1).exp().numpy()
