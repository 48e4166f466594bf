#!/usr/bin/env bash
# peft 0.21.2, transformers 5.23.0, torch 2.13.0: LoRA with target_modules="all-linear" also goes beside Llama 4's router, a linear
# layer that gives a pair of tensors. get_peft_model is silent; the first forward pass fails.
# Expected: a model that answers as before (LoRA's second matrix is zero), or a refusal by get_peft_model.
# Seen:
#   router adapted: True
#   forward: AttributeError: 'tuple' object has no attribute 'dtype'
#   forward with exclude_modules=["router"]: logits change by 0.0
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 peft==0.21.2 transformers==5.23.0 \
  accelerate==1.15.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import Llama4ForCausalLM, Llama4TextConfig

sizes = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 96, "intermediate_size_mlp": 96, "num_hidden_layers": 2}
config = Llama4TextConfig(**sizes, num_attention_heads=4, num_key_value_heads=2, head_dim=16, num_local_experts=4, pad_token_id=0)
tokens = torch.arange(8)[None]


def base():
    torch.manual_seed(0)
    return Llama4ForCausalLM(config).eval()


def lora(**how):
    return get_peft_model(base(), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", **how)).eval()


adapted = lora()
router = any("router.lora_A" in name for name, _ in adapted.named_parameters())
print(f"router adapted: {router}")
failed = False
with torch.inference_mode():
    try:
        adapted(input_ids=tokens)
        print("forward: done")
    except AttributeError as error:
        failed = True
        print(f"forward: AttributeError: {error}")
    change = (lora(exclude_modules=["router"])(input_ids=tokens).logits - base()(input_ids=tokens).logits).abs().max().item()
print(f'forward with exclude_modules=["router"]: logits change by {change:.1f}')
sys.exit(0 if router and failed and change == 0 else 1)
PY
