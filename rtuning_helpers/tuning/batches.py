"""Training examples side by side."""

from collections.abc import Sequence

import torch

from rtuning_helpers.tuning.encoding import IGNORED


def left_padded(rows: Sequence[dict[str, list[int]]], pad: int) -> dict[str, torch.Tensor | int]:
    """A batch whose sequences end together, so that the tokens to predict lie side by side.

    Args:
        rows: ``input_ids`` and ``labels`` of each sequence.
        pad: Token that fills the rows up in front.

    Returns:
        ``input_ids``, ``attention_mask``, ``position_ids`` and ``labels``, each of shape (rows, longest), and
        ``logits_to_keep``: the number of positions at the end from which something is predicted, and the last.
    """
    longest = max(len(row["input_ids"]) for row in rows)
    labels = [[IGNORED, *row["labels"][1:]] for row in rows]  # nothing stands before a first token to predict it

    def filled(sequences: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
        return torch.tensor([[filler] * (longest - len(sequence)) + list(sequence) for sequence in sequences])

    mask = filled([[1] * len(row) for row in labels], 0)
    predicted = [first_label(row) for row in labels]
    return {
        "input_ids": filled([row["input_ids"] for row in rows], pad),
        "attention_mask": mask,
        "position_ids": (mask.cumsum(1) - 1).clamp(min=0),
        "labels": filled(labels, IGNORED),
        "logits_to_keep": 1 + max(len(row) - first for row, first in zip(labels, predicted, strict=True)),
    }


def first_label(labels: Sequence[int]) -> int:
    """Place of the first token that is to be predicted; behind the last where none is."""
    return next((place for place, label in enumerate(labels) if label != IGNORED), len(labels))
