"""A beginning that all training examples share, such as few-shot examples, is read once in a batch.

What follows in each row attends to the keys and values of that one reading, and all rows' gradients flow back into it:
the same sums over fewer tokens. Where that makes a difference, as for models that keep no keys and values, rows are
read whole.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from rtuning_helpers.tuning.batches import first_label

WORTH_IT = 16  # tokens of a beginning, from which on a second pass through the model pays
EXACT, ROUNDED = 1e-3, 0.1  # largest difference of the gradients, relative to their size, in float32 and in others


def shared_tokens(rows: Sequence[dict[str, list[int]]]) -> int:
    """Number of tokens that all sequences begin with and that predict nothing; 0 if they are too few to be worth it.

    Args:
        rows: ``input_ids`` and ``labels`` of each sequence.
    """
    alike = len(os.path.commonprefix([row["input_ids"] for row in rows]))  # of lists as well as of paths
    found = min(alike, *(first_label(row["labels"]) - 1 for row in rows))
    return found if found >= WORTH_IT else 0


def read_beginning(model: PreTrainedModel, beginning: torch.Tensor, rows: int) -> Any:
    """The cache of the beginning for so many rows, through which gradients flow.

    Args:
        model: The model.
        beginning: Its tokens, of shape (1, tokens).
        rows: How many rows go on from it.
    """
    cache = model(input_ids=beginning, use_cache=True, logits_to_keep=1).past_key_values
    cache.batch_repeat_interleave(rows)
    return cache


def is_read_alike(model: PreTrainedModel, loss_of: Callable[[bool], torch.Tensor]) -> bool:
    """Whether the gradients are the same where the beginning is read once.

    Args:
        model: The model, ready to be trained.
        loss_of: The loss of some examples, with their beginning read once or not.
    """
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    exact = all(weight.dtype in (torch.float32, torch.float64) for weight in model.parameters())
    try:
        with torch.random.fork_rng():
            whole, once = (
                torch.autograd.grad(loss_of(once), trained, materialize_grads=True) for once in (False, True)
            )
    except Exception:  # whatever a model of another kind raises
        return False
    difference = sum(float((a - b).double().square().sum()) for a, b in zip(whole, once, strict=True))
    size = sum(float(gradient.double().square().sum()) for gradient in whole)
    return difference**0.5 <= (EXACT if exact else ROUNDED) * size**0.5
