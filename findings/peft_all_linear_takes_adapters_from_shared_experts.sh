#!/usr/bin/env bash
# peft 0.21.2, transformers 5.23.0, torch 2.13.0: LoRA with target_modules="all-linear" on a mixture of experts whose experts share
# one matrix leaves out the plain linear layers of the same names: shared experts and dense layers get no adapter.
# Expected: an adapter beside every torch.nn.Linear but the output layer, as peft's documentation says, and as on other models.
# Reported for targets that are named in full: huggingface/peft, issue 3711.
# Seen:
#   llama: 7 of 7 kinds of linear layers have an adapter
#   deepseek_v3: 5 of 11 kinds of linear layers have an adapter, not mlp.down_proj, mlp.gate_proj, mlp.shared_experts.down_proj, ...
#   qwen3_next: 8 of 11 kinds of linear layers have an adapter, not mlp.shared_expert.down_proj, mlp.shared_expert.gate_proj, ...
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 peft==0.21.2 transformers==5.23.0 \
  accelerate==1.15.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import re
import sys

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4}
EXPERTS = {"moe_intermediate_size": 32, "num_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2}
MODELS = {
    "llama": {},
    "deepseek_v3": EXPERTS | {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8,
                              "v_head_dim": 16, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1},
    "qwen3_next": EXPERTS | {"head_dim": 16, "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 16,
                             "linear_value_head_dim": 16, "shared_expert_intermediate_size": 32, "num_key_value_heads": 2},
}


def kind(name):
    return re.split(r"\.\d+\.", name)[-1]


found = {}
for name, sizes in MODELS.items():
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **SIZES | sizes))
    linear = {kind(n) for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and n != "lm_head"}
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    having = {kind(n) for n, m in adapted.named_modules() if isinstance(m, BaseTunerLayer)}
    found[name] = linear - having
    out = f", not {', '.join(sorted(found[name]))}" if found[name] else ""
    print(f"{name}: {len(linear & having)} of {len(linear)} kinds of linear layers have an adapter{out}")
shared = any("shared_expert" in n for n in found["qwen3_next"]) and any("shared_expert" in n for n in found["deepseek_v3"])
sys.exit(0 if not found["llama"] and shared else 1)
PY
