"""The loss on the tokens to be predicted, without the logits of all of them at the same time."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

HELD = 2**20  # logits of one piece: 4 MiB, which stay in the processor's cache
LEAST = 64  # rows of one piece, for each piece reads the whole weight


def summed_loss(head: nn.Linear, hidden: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies behind a frozen output layer, as torch's own function gives it, in less memory.

    Args:
        head: The output layer; its weights get no gradient.
        hidden: What it reads, of shape (tokens, width).
        labels: The token to predict from each, of shape (tokens,).

    Returns:
        A number, in float32, with a gradient for ``hidden`` [nats].
    """
    kind, dtype = hidden.device.type, hidden.dtype
    if torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
    bias = None if head.bias is None else head.bias.to(dtype)
    with torch.autocast(kind, enabled=False):
        return _PieceByPiece.apply(hidden.to(dtype), head.weight.to(dtype), bias, labels)


def is_plain(head: object) -> bool:
    """Whether `summed_loss` can compute with a model's output layer: a linear, frozen one, on a CPU."""
    return type(head) is nn.Linear and not head.weight.requires_grad and head.weight.device.type == "cpu"


@torch.no_grad()
def comes_last(head: nn.Module, forward: Callable[[], Any]) -> bool:
    """Whether the logits of a model are what its output layer gives; some models scale or bound them afterwards.

    Args:
        head: The output layer.
        forward: Calls the model.
    """
    given: list[torch.Tensor] = []
    handle = head.register_forward_hook(lambda layer, arguments, output: given.append(output.clone()))
    try:
        with torch.random.fork_rng(devices=[]):
            logits = forward().logits
    finally:
        handle.remove()
    return len(given) == 1 and torch.equal(given[0].float(), logits.float())


class _PieceByPiece(torch.autograd.Function):
    """The gradient is made on the way, while the logits of a piece are there."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, labels: torch.Tensor):
        gradient, total = torch.empty_like(hidden), hidden.new_zeros((), dtype=torch.float32)
        rows = max(LEAST, HELD // len(weight))
        for begin in range(0, len(labels), rows):
            piece, wanted = hidden[begin : begin + rows], labels[begin : begin + rows, None]
            logits = linear(piece, weight, bias).float()
            normaliser = logits.logsumexp(1, keepdim=True)
            total += (normaliser - logits.gather(1, wanted)).sum()
            excess = logits.sub_(normaliser).exp_()  # probabilities; less one at the label
            excess.scatter_add_(1, wanted, -torch.ones_like(normaliser))
            gradient[begin : begin + rows] = excess.to(weight.dtype) @ weight
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor):
        (gradient,) = ctx.saved_tensors
        return (gradient * outer[0]).to(gradient.dtype), None, None, None
