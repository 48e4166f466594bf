"""How the released pipeline (LMFlow) cuts training texts into sequences, and how many optimiser steps come of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from transformers import PreTrainedTokenizerBase

from rtuning_helpers.paper.released_code.quirks import ReleasedCodeQuirks
from rtuning_helpers.tuning.encoding import encode_record, encode_records
from rtuning_helpers.tuning.refusal_data import TuningRecord

BLOCK = 512  # tokens of a training sequence, LMFlow's --block_size
GROUP = 1000  # examples that are chained at a time
RELEASED_EPOCHS = 0.01


@dataclass(frozen=True)
class Sequences:
    """Training sequences, and what they lost on the way.

    Attributes:
        encoded: For each sequence ``input_ids`` and ``labels`` (-100 where there is no loss).
        tokens: Tokens before anything was cut.
        dropped: Tokens that are in no sequence.
        cut_labels: Examples whose last token, and so their sure/unsure or refusal text, is in no sequence whole.
    """

    encoded: list[dict[str, list[int]]]
    tokens: int
    dropped: int
    cut_labels: int


def training_sequences(
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[TuningRecord],
    quirks: ReleasedCodeQuirks,
    max_length: int = BLOCK,
) -> Sequences:
    """Tokenise training records as this kit does, or as LMFlow does with some flags on.

    Args:
        tokenizer, records: Of the model that is tuned, and what it is tuned on.
        quirks: The flags of the stage training matter. With ``packing`` the blocks are cut from the chain of all
            examples, so that ``truncate_right``, a later version's way, has nothing left to cut.
        max_length: Longest sequence [tokens].

    Raises:
        InputError: No records; or, unless ``packing`` or ``truncate_right`` is on, a record longer than ``max_length``.
    """
    loss_on = "all" if quirks.loss_on_all else "completion"
    if not quirks.packing and not quirks.truncate_right:
        encoded = encode_records(tokenizer, records, max_length, loss_on)
        return Sequences(encoded, sum(len(row["input_ids"]) for row in encoded), 0, 0)
    whole = [encode_record(tokenizer, record, 1 << 30, loss_on) for record in records]
    if quirks.packing:  # LMFlow adds no end-of-sequence token, so that nothing marks where an example ends
        whole = [{name: ids[:-1] for name, ids in row.items()} for row in whole]
        groups = [_blocks(whole[start : start + GROUP], max_length) for start in range(0, len(whole), GROUP)]
        encoded, cut = [block for blocks, _ in groups for block in blocks], sum(lost for _, lost in groups)
    else:
        encoded = [{name: ids[:max_length] for name, ids in row.items()} for row in whole]
        cut = sum(len(row["input_ids"]) > max_length for row in whole)
    tokens, kept = (sum(len(row["input_ids"]) for row in rows) for rows in (whole, encoded))
    return Sequences(encoded, tokens, tokens - kept, cut)


def _blocks(rows: Sequence[dict[str, list[int]]], size: int) -> tuple[list[dict[str, list[int]]], int]:
    """Equal blocks cut from the chained rows, and the number of rows that end behind the last block."""
    ids = [token for row in rows for token in row["input_ids"]]
    labels = [label for row in rows for label in row["labels"]]
    used = len(ids) // size * size
    cuts = [slice(start, start + size) for start in range(0, used, size)]
    blocks = [{"input_ids": ids[cut], "labels": labels[cut]} for cut in cuts]
    return blocks, sum(end > used for end in accumulate(len(row["input_ids"]) for row in rows))


def epochs_of(epochs: float, quirks: ReleasedCodeQuirks) -> float:
    """Epochs that are trained: those asked for, or the 0.01 of LMFlow's script."""
    return RELEASED_EPOCHS if quirks.hundredth_epoch else epochs


def optimiser_steps(sequences: int, batch_size: int, epochs: float) -> int:
    """Steps of transformers' Trainer for that many sequences: the last, smaller batch of an epoch counts as one."""
    return math.ceil(epochs * math.ceil(sequences / batch_size))
