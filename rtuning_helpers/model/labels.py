"""The probability of whole label strings such as " sure" and " unsure" or the letters of options, read in context."""

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from rtuning_helpers.data import prompts
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.forward import Reading, likewise, readings
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.out_of_memory import each_in_batches


def label_probabilities(
    lm: LanguageModel,
    contexts: Sequence[str],
    labels: Sequence[str],
    *,
    batch_size: int = 128,
    ids: Sequence[str] | None = None,
    description: str | None = None,
) -> np.ndarray:
    """Probability of each label string after each context, as shares that sum to 1.

    A label is scored as a whole: the sum of the log-probabilities of all its tokens as they stand in context.

    Args:
        lm: The model.
        contexts: What stands before the label; all end alike, so that a label's tokens are the same after each.
        labels: The label strings, with the space before them.
        batch_size: Contexts read at the same time; fewer where memory does not suffice (`out_of_memory`).
        ids: Names of the contexts for error messages.
        description: Text beside the progress bar; None for no bar.

    Returns:
        Array of shape (contexts, labels).

    Raises:
        NonFiniteLogitsError: NaN or infinite logits.
        InputError: The tokenizer cannot tell the labels apart, or a context does not fit into the model's.
    """
    if len(contexts) == 0:
        return np.zeros((0, len(labels)))
    label_ids = label_token_ids(lm.tokenizer, contexts[0], labels)
    room = max(map(len, label_ids))

    def score(waiting: list[int], batch_size: int) -> Iterator[tuple[int, np.ndarray]]:
        asked, names = [contexts[i] for i in waiting], ids and [ids[i] for i in waiting]
        for rows, reading in readings(lm, asked, batch_size, description, names, room):
            yield from zip([waiting[row] for row in rows], label_shares(reading, label_ids), strict=True)

    return np.array(each_in_batches(score, len(contexts), batch_size))


def label_token_ids(tokenizer: PreTrainedTokenizerBase, context: str, labels: Sequence[str]) -> list[list[int]]:
    """The tokens that each label adds to the context.

    Raises:
        InputError: The tokenizer merges a label into the context, has none for it, or cannot tell two labels apart.
    """
    base = tokenizer(context)["input_ids"]
    found = []
    for label in labels:
        full = tokenizer(context + label)["input_ids"]
        if full[: len(base)] != base or len(full) == len(base):
            raise InputError(f"this tokenizer merges the label {label!r} with the text before it; choose another model")
        found.append(full[len(base) :])
        if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in found[-1]:
            raise InputError(f"this tokenizer has no tokens for the label {label!r}; choose another model")
    for (label, one), (second, other) in permutations(zip(labels, found, strict=True), 2):
        if other[: len(one)] == one:
            raise InputError(
                f"this tokenizer cannot tell the labels {label!r} and {second!r} apart (token ids {one} and {other}); "
                "choose another model"
            )
    return found


@torch.inference_mode()
def label_shares(reading: Reading, label_ids: list[list[int]]) -> np.ndarray:
    """Softmax over the labels' summed log-probabilities behind what was read, shape (rows, labels)."""
    rows, first = reading.rows, reading.logits  # whose normaliser is the same for all labels
    totals = []
    for ids in label_ids:
        if reading.lm.cache_kind.changing:
            totals.append(_scores(reading.read([row + ids for row in rows], keep=len(ids) + 1)[:, :-1], ids))
            continue
        total = first[:, ids[0]].cpu().double()  # Apple's GPUs have no float64
        if len(ids) > 1:
            total = total + _scores(reading.read([row + ids[:-1] for row in rows], keep=len(ids) - 1), ids[1:])
        totals.append(total)
    return torch.softmax(torch.stack(totals, dim=1), dim=1).numpy()


def _scores(logits: torch.Tensor, ids: list[int]) -> torch.Tensor:
    """Log-probability of a token at each place, shape (rows, places, vocabulary), summed over the places."""
    chosen = logits[:, torch.arange(len(ids)), ids]
    return (chosen - logits.logsumexp(-1)).cpu().double().sum(1)


def ask_sureness(reading: Reading, answered: Sequence[str], labels: tuple[str, str]) -> list[float]:
    """P(sure) of each row: the share of the first label behind the sureness question.

    Args:
        reading: What was read of the rows; it may go on to the question.
        answered: The text of each row with its answer, to which the question is put.
        labels: For sure and unsure, such as `prompts.SURENESS_LABELS`.
    """
    contexts = [f"{text}{prompts.sureness_suffix()}" for text in answered]
    label_ids = label_token_ids(reading.lm.tokenizer, contexts[0], labels)
    rows = reading.lm.tokenizer(contexts)["input_ids"]
    shares = np.zeros(len(rows))
    groups = likewise(reading.reader.unread(rows))
    for places in groups:
        part = reading.part(places) if len(groups) > 1 else reading
        part.read([rows[place] for place in places])
        shares[places] = label_shares(part, label_ids)[:, 0]
    return shares.tolist()
