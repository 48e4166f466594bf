"""Answer questions with options: the option whose letter is the most probable, scored as a whole string in context.

All prompts of a call have the same labels; `answering` groups questions so. Letters and the sureness question are put
behind the prompt as it was read, so that no prompt is read twice.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from rtuning_helpers.data import prompts
from rtuning_helpers.model.decoding import Answer
from rtuning_helpers.model.forward import readings
from rtuning_helpers.model.labels import ask_sureness, label_probabilities, label_shares, label_token_ids
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.out_of_memory import each_in_batches


def choose_options(
    lm: LanguageModel,
    question_prompts: Sequence[str],
    labels: Sequence[str],
    *,
    batch_size: int = 128,
    sureness: tuple[str, str] | None = None,
    ids: Sequence[str] | None = None,
    description: str = "choosing",
) -> list[Answer]:
    """Choose the most probable option after every prompt (paper A.1: arg-max over the candidates only).

    Args:
        lm: The model.
        question_prompts: Prompts as `prompts.task_prompt` writes them.
        labels: The options' labels as `prompts.option_labels` gives them, the same for all prompts.
        batch_size: Prompts read at the same time; fewer where memory does not suffice (`out_of_memory`).
        sureness: Also put the sureness question after each choice, with these labels for sure and unsure.
        ids: Names of the rows for error messages.
        description: Text beside the progress bar.

    Returns:
        One Answer a prompt, in the order given: its text is the letter, its only "token probability" the letter's
        share of the probability of all letters, its entropy that of these shares [nats]. Of equal shares the first
        counts.

    Raises:
        NonFiniteLogitsError: NaN or infinite logits.
        InputError: The tokenizer cannot tell two labels apart, or a prompt does not fit into the model's context.
    """
    label_ids = label_token_ids(lm.tokenizer, question_prompts[0], labels) if len(question_prompts) else []
    room = max(map(len, label_ids), default=0)
    if sureness:
        room += max(len(ids) for ids in _follow_up_ids(lm, labels, sureness))

    def choose(waiting: list[int], batch_size: int) -> Iterator[tuple[int, Answer]]:
        asked, names = [question_prompts[i] for i in waiting], ids and [ids[i] for i in waiting]
        for rows, reading in readings(lm, asked, batch_size, description, names, room):
            shares = label_shares(reading, label_ids)
            chosen = shares.argmax(axis=1)
            sure: Sequence[float | None] = [None] * len(rows)
            if sureness:
                texts = [asked[row] + labels[c] for row, c in zip(rows, chosen, strict=True)]
                sure = ask_sureness(reading, texts, sureness)
            for row, share, choice, p in zip(rows, shares, chosen, sure, strict=True):
                yield waiting[row], _as_answer(labels, share, int(choice), p)

    return each_in_batches(choose, len(question_prompts), batch_size, "questions")


def draw_options(
    lm: LanguageModel,
    question_prompts: Sequence[str],
    labels: Sequence[str],
    *,
    k: int = 10,
    temperature: float = 0.7,
    seed: int = 0,
    batch_size: int = 128,
    ids: Sequence[str] | None = None,
    description: str = "sampling",
) -> list[list[Answer]]:
    """Draw k options for every prompt from the probabilities of the letters.

    The released code samples any token, letters or not; here every sample is an option.

    Returns:
        For each prompt its k answers. Their shares and entropies are the model's own, at temperature 1.
    """
    found = label_probabilities(lm, question_prompts, labels, batch_size=batch_size, ids=ids, description=description)
    generator = np.random.default_rng(seed)
    samples = []
    for shares in found:
        scaled = np.log(np.maximum(shares, 1e-300)) / temperature
        weights = np.exp(scaled - scaled.max())
        drawn = generator.choice(len(labels), size=k, p=weights / weights.sum())
        samples.append([_as_answer(labels, shares, int(choice), None) for choice in drawn])
    return samples


def _as_answer(labels: Sequence[str], shares: np.ndarray, choice: int, sure: float | None) -> Answer:
    entropy = float(-(shares * np.log(np.maximum(shares, 1e-300))).sum())
    return Answer(labels[choice].strip(), (float(shares[choice]),), (max(entropy, 0.0),), sure)


def _follow_up_ids(lm: LanguageModel, labels: Sequence[str], sureness: tuple[str, str]) -> list[list[int]]:
    """Tokens of the sureness question and each of its answers, behind each label."""
    asked = [f"{label}{prompts.sureness_suffix()}{answer}" for label in labels for answer in sureness]
    return lm.tokenizer(asked)["input_ids"]
