#!/usr/bin/env bash
# transformers 5.23.0: a token behind the cache, `model(token, past_key_values=cache)`, of Bamba and MiniMax.
# Expected: the logits of the whole text, as Llama gives them, which takes the position from the cache's length.
# Seen: the token is read as if it were the first, and the logits are wrong without a word, unless position_ids are passed
# (`generate` passes them).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.23.0 torch==2.13.0
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_n_groups": 1, "attn_layer_indices": [1]}
MINIMAX = {"layer_types": ["linear_attention", "full_attention"], "num_local_experts": 2, "head_dim": 8}
seen = True
for name, more in {"llama": {}, "bamba": MAMBA, "minimax": MINIMAX}.items():
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **SIZES, **HEADS, **more)).eval()
    text, errors = torch.randint(3, 64, (1, 12)), []
    with torch.inference_mode():
        for part in model.modules():  # as far from zero as trained weights
            if isinstance(part, (torch.nn.Linear, torch.nn.Embedding)):
                part.weight.normal_(std=0.2)
        whole = model(text).logits[:, -1]
        for told in ({}, {"position_ids": torch.tensor([[11]])}):
            cache = model(text[:, :-1], use_cache=True).past_key_values
            step = model(text[:, -1:], past_key_values=cache, **told).logits[:, -1]
            errors.append(float((step - whole).norm() / whole.norm()))
    print(f"{name}: off by {errors[0]:.1e} without positions, by {errors[1]:.1e} with them")
    seen &= errors[1] < 1e-5 and (errors[0] < 1e-5) == (name == "llama")
sys.exit(0 if seen else 1)
PY
