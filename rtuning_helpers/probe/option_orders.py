"""Probing averaged over orders of the options: what a model likes about a letter cancels, what it knows does not."""

import random
from collections.abc import Sequence

import numpy as np

from rtuning_helpers.data import prompts
from rtuning_helpers.data.option_orders import rotations
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.decoding import Answer
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel

ALIKE = 1e-6  # difference of two mean shares that says nothing


def choose_over_orders(
    lm: LanguageModel,
    questions: Sequence[Question],
    orders: int,
    *,
    batch_size: int = 128,
    description: str = "choosing",
) -> list[Answer]:
    """Choose the option with the largest share of probability, averaged over orders in which the options are shown.

    The orders are the rotations of the options. Once there are as many as options, each option has stood at each letter
    equally often, so that a liking for a letter counts for none of them; more orders change nothing.

    Args:
        lm: The model.
        questions: With options; prompts that fit.
        orders: In how many orders each is shown.
        batch_size: Prompts read at the same time.
        description: Text beside the progress bar.

    Returns:
        One Answer a question: the letter of the option in the question as it is written, its mean share as the only
        "token probability", and the entropy of the mean shares [nats]. Options with equal mean shares are drawn
        between by lot, the same for a question each time.

    Raises:
        ValueError: A question without options, or whose answer is none of their letters.
        NonFiniteLogitsError, InputError: As `labels.label_probabilities`.
    """
    found: dict[int, Answer] = {}
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, question in enumerate(questions):
        groups.setdefault(tuple(prompts.option_labels(question)), []).append(row)
    for labels, rows in groups.items():
        turned = [turn for row in rows for turn in rotations(questions[row])[:orders]]
        shares = label_probabilities(
            lm,
            [prompts.task_prompt(turn) for turn in turned],
            labels,
            batch_size=batch_size,
            ids=[turn.id for turn in turned],
            description=description,
        ).reshape(len(rows), -1, len(labels))
        for shift in range(shares.shape[1]):  # the option at place j stands at place j + shift
            shares[:, shift] = np.roll(shares[:, shift], -shift, axis=1)
        found |= {
            row: _as_answer(labels, mean, questions[row]) for row, mean in zip(rows, shares.mean(axis=1), strict=True)
        }
    return [found[row] for row in range(len(questions))]


def _as_answer(labels: Sequence[str], shares: np.ndarray, question: Question) -> Answer:
    best = np.flatnonzero(shares >= shares.max() - ALIKE)
    choice = int(random.Random(f"{question.dataset}/{question.id}").choice(best.tolist()))
    entropy = float(-(shares * np.log(np.maximum(shares, 1e-300))).sum())
    return Answer(labels[choice].strip(), (float(shares[choice]),), (max(entropy, 0.0),))
