#!/usr/bin/env bash
# peft 0.21.2, transformers 5.23.0, torch 2.13.0: a LoRA adapter of a model with more or fewer layers loads without an error or a
# warning about its keys, and the model answers with the layers that happen to match.
# Expected: what a state_dict does, a word about unexpected or missing keys, as for an adapter of another width (a RuntimeError).
# Seen:
#   adapter of 4 layers on a model of 2: no word about its keys, logits change by 0.5
#   adapter of 2 layers on a model of 4: no word about its keys, logits change by 0.5
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 peft==0.21.2 transformers==5.23.0 \
  accelerate==1.15.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - "$work" <<'PY' 2>/dev/null
import sys
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

tokens = torch.arange(8)[None]


def base(layers):
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_key_value_heads": 2}
    return LlamaForCausalLM(LlamaConfig(num_hidden_layers=layers, **sizes)).eval()


for layers in (2, 4):
    model = get_peft_model(base(layers), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(f"{sys.argv[1]}/{layers}")
same = True
for adapter, layers in ((4, 2), (2, 4)):
    with warnings.catch_warnings(record=True) as said, torch.no_grad():
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base(layers), f"{sys.argv[1]}/{adapter}").eval()
        change = (model(tokens).logits - base(layers)(tokens).logits).abs().max().item()
    about_keys = [str(warning.message) for warning in said if "key" in str(warning.message).lower()]
    word = about_keys[0] if about_keys else "no word about its keys"
    print(f"adapter of {adapter} layers on a model of {layers}: {word}, logits change by {change:.1f}")
    same &= not about_keys and change > 0.01
sys.exit(0 if same else 1)
PY
