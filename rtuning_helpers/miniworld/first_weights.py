"""First weights with a head start: attention heads that look back, and heads that find the same word again.

To choose option B, a model has to recall the answer, find it among the options and name the letter before it. With
random first weights a small model needs tens of millions of tokens to discover such look-ups. It needs a few hundred
steps where some heads start out attending to the right place and only have to learn what to do with what they find.
Nothing is frozen: all of it can be unlearnt.
"""

from collections.abc import Sequence
from typing import cast

import torch
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

SLOWEST = 0.02  # pairs of a head that turn faster than this [radians per token] compare no words: distance blurs them
SHARPNESS_BACK, SHARPNESS_SAME = 8.0, 3.3
CARRIED_BACK, CARRIED_AGAIN = 1.5, 2.0


@torch.no_grad()
def look_back(model: LlamaForCausalLM, layer: int, head: int, offset: int) -> None:
    """Set a head's biases so that every token attends to the one ``offset`` before it.

    Rotary positions turn a constant query and a constant key into a score that depends on their distance only; the key
    is turned by the offset beforehand, so that the score peaks there. The model needs ``attention_bias``.
    """
    attention, rows = _head(model, layer, head)
    angles = offset * _turns(model)
    constant = torch.cat([torch.ones_like(angles), torch.zeros_like(angles)])
    attention.q_proj.bias[rows] = SHARPNESS_BACK * constant
    attention.k_proj.bias[rows] = SHARPNESS_BACK * torch.cat([angles.cos(), angles.sin()])


@torch.no_grad()
def find_again(model: LlamaForCausalLM, layer: int, head: int) -> None:
    """Set a head's query and key to the same random projection, so that a token attends to its like.

    Only the pairs that rotary positions turn slowly take part, so that distance hardly matters.
    """
    attention, rows = _head(model, layer, head)
    turns, width = _turns(model), model.config.hidden_size
    projection = SHARPNESS_SAME * width**-0.5 * torch.randn(2 * len(turns), width)
    projection[torch.cat([turns, turns]) > SLOWEST] = 0
    attention.q_proj.weight[rows] = projection
    attention.k_proj.weight[rows] = projection


def give_head_start(model: LlamaForCausalLM, offsets: Sequence[int], layers: Sequence[int]) -> None:
    """Let the first layer's heads look back, and two heads of each of ``layers`` find the same word again.

    What the last of the heads that look back finds is kept apart from the words themselves, and the first of the heads
    that find a word again reads it there: "the word that stands so many tokens before this word's other place".

    Args:
        offsets: For each head of the first layer, at least one, how many tokens back it looks.
        layers: The layers of the heads that find a word again.
    """
    width, size = model.config.hidden_size, model.model.layers[0].self_attn.head_dim
    directions = torch.linalg.qr(torch.randn(width, 2 * size))[0].T
    word, found = directions[:size], directions[size:]
    for head, offset in enumerate(offsets):
        look_back(model, 0, head, offset)
    carry(model, 0, len(offsets) - 1, word, found, CARRIED_BACK)
    for layer in layers:
        for head in range(2):
            find_again(model, layer, head)
        carry(model, layer, 0, found, word, CARRIED_AGAIN)


@torch.no_grad()
def carry(
    model: LlamaForCausalLM, layer: int, head: int, source: torch.Tensor, target: torch.Tensor, strength: float
) -> None:
    """Let a head move what it attends to from some directions of the model's width to others.

    Both are orthonormal, of shape (head size, width); the strength of what is written is relative to the embeddings.
    """
    attention, rows = _head(model, layer, head)
    attention.v_proj.weight[rows] = source
    attention.o_proj.weight[:, rows] = strength * model.model.embed_tokens.weight.std() * target.T


def _head(model: LlamaForCausalLM, layer: int, head: int) -> tuple[LlamaAttention, slice]:
    attention = model.model.layers[layer].self_attn
    return attention, slice(head * attention.head_dim, (head + 1) * attention.head_dim)


def _turns(model: LlamaForCausalLM) -> torch.Tensor:
    """By how much each pair of a head's dimensions is turned from one token to the next [radians]."""
    size = model.model.layers[0].self_attn.head_dim
    return cast(dict, model.config.rope_parameters)["rope_theta"] ** (-2.0 * torch.arange(size // 2) / size)
