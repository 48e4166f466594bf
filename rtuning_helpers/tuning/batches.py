"""Training examples side by side."""

from collections.abc import Sequence

import torch

from rtuning_helpers.tuning.encoding import IGNORED


def left_padded(rows: Sequence[dict[str, list[int]]], pad: int, shared: int = 0) -> dict[str, torch.Tensor | int]:
    """A batch whose sequences end together, so that the tokens to predict lie side by side.

    Args:
        rows: ``input_ids`` and ``labels`` of each sequence.
        pad: Token that fills the rows up in front.
        shared: So many tokens, with which all rows begin, stand once in the batch.

    Returns:
        ``input_ids``, ``attention_mask``, ``position_ids`` and ``labels``, each of shape (rows, longest), and
        ``logits_to_keep``: the number of positions at the end from which something is predicted, and the last.
        What is shared is not in them, but ``beginning`` of shape (1, shared), which ``attention_mask`` counts as well.
    """
    beginning = rows[0]["input_ids"][:shared]
    rows = [{name: sequence[shared:] for name, sequence in row.items()} for row in rows]
    longest = max(len(row["input_ids"]) for row in rows)
    labels = [[IGNORED, *row["labels"][1:]] for row in rows]  # nothing stands before a first token to predict it

    def filled(sequences: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
        return torch.tensor([[filler] * (longest - len(sequence)) + list(sequence) for sequence in sequences])

    mask = filled([[1] * len(row) for row in labels], 0)
    predicted = [first_label(row) for row in labels]
    once: dict[str, torch.Tensor | int] = {"beginning": torch.tensor([beginning])} if shared else {}
    return once | {
        "input_ids": filled([row["input_ids"] for row in rows], pad),
        "attention_mask": torch.cat([mask.new_ones(len(rows), shared), mask], dim=1),
        "position_ids": shared + (mask.cumsum(1) - 1).clamp(min=0),
        "labels": filled(labels, IGNORED),
        "logits_to_keep": 1 + max(len(row) - first for row, first in zip(labels, predicted, strict=True)),
    }


def first_label(labels: Sequence[int]) -> int:
    """Place of the first token that is to be predicted; behind the last where none is."""
    return next((place for place, label in enumerate(labels) if label != IGNORED), len(labels))
