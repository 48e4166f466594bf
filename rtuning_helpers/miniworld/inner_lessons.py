"""What inner layers are taught, beside the next token: to recall a thought, and to point at the word in the text.

A choice is made in two steps that leave no trace in the text: recall the answer, then find it among the options. Large
models learn such steps from enough data; a small one is told. Where a lesson names its thought, an inner layer is to
have the thought's first word as its own guess of the next token, and a head of the following layer is to attend to that
word's last mention in the document. Both are losses of training only; the model's forward pass is that of any Llama.
"""

import torch
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

NOTHING = -1  # no thought, or no place to point at


def pointing_loss(
    model: LlamaForCausalLM, layer: int, states: torch.Tensor, places: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of the first head's attention in ``layer`` against the tokens that it should attend to.

    Args:
        layer: The layer after the inner one.
        states: Its input, shape (rows, tokens, width).
        places: Position of each token in its document, shape (rows, tokens).
        targets: Column of the token to attend to, or `NOTHING`, shape (rows, tokens). At least one is something.
    """
    block = model.model.layers[layer]
    size = block.self_attn.head_dim
    read = block.input_layernorm(states)
    projections = block.self_attn.q_proj, block.self_attn.k_proj
    query, key = (project(read)[..., :size].unsqueeze(1) for project in projections)
    query, key = apply_rotary_pos_emb(query, key, *model.model.rotary_emb(states, places))
    rows, columns = torch.nonzero(targets != NOTHING, as_tuple=True)
    scores = (query[rows, 0, columns].unsqueeze(1) * key[rows, 0]).sum(-1) * size**-0.5
    order = torch.arange(targets.shape[1], device=targets.device)
    begins = columns - places[rows, columns]
    outside = (order > columns[:, None]) | (order < begins[:, None])
    return torch.nn.functional.cross_entropy(scores.masked_fill(outside, -torch.inf), targets[rows, columns])
