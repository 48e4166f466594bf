"""Shares of labels of several tokens, walked token by token."""

from __future__ import annotations

import numpy as np
import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.evaluation.scale import scale_shares
from rtuning_helpers.model.labels import label_token_ids

LABELS = [" 100%", " 90%", " 10%", " 0%"]


def test_shares_are_those_of_writing_a_label_with_no_other_choice(tiny_lm):
    questions = load_questions("mini", "train", limit=3)
    answers = ["Paris", "I", "the oboe"]
    shares = scale_shares(tiny_lm, questions, answers, LABELS)
    assert shares.shape == (3, 4) and np.allclose(shares.sum(axis=1), 1)
    for question, answer, found in zip(questions, answers, shares, strict=True):
        context = prompts.sureness_context(question, answer)
        paths, start = label_token_ids(tiny_lm.tokenizer, context, LABELS), tiny_lm.tokenizer(context)["input_ids"]
        assert len({len(path) for path in paths}) > 1
        for path, share in zip(paths, found, strict=True):
            by_hand = 1.0
            for place, token in enumerate(path):
                choice = sorted({other[place] for other in paths if other[:place] == path[:place]})
                with torch.inference_mode():
                    logits = tiny_lm.model(torch.tensor([start + path[:place]])).logits[0, -1]
                by_hand *= torch.softmax(logits[choice].double(), -1)[choice.index(token)].item()
            assert abs(by_hand - share) < 1e-5


def test_no_question_has_no_shares(tiny_lm):
    assert scale_shares(tiny_lm, [], [], LABELS).shape == (0, 4)
