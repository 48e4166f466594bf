#!/usr/bin/env bash
# transformers 5.23.0: RWKV generates with its state, `model.generate(two_prompts_of_one_length)`.
# Expected: what it writes behind each prompt alone, as it does without the state (use_cache=False).
# Seen: alone both agree; of two or more rows the logits are other ones from the second new token on, without a word. A step mixes
# the rows: the state of all of them, (rows, width), meets their tokens, (rows, 1, width).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.23.0 torch==2.13.0
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import torch
from transformers import RwkvConfig, RwkvForCausalLM

torch.manual_seed(0)
sizes = {"hidden_size": 32, "attention_hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
model = RwkvForCausalLM(RwkvConfig(vocab_size=64, **sizes)).eval()
prompts = torch.randint(3, 64, (2, 12))
how = {"max_new_tokens": 8, "eos_token_id": None, "pad_token_id": 0, "return_dict_in_generate": True}
errors = []
for rows in (1, 2):
    with_state, without = (
        torch.stack(model.generate(prompts[:rows], do_sample=False, use_cache=use, output_logits=True, **how).logits)
        for use in (True, False)
    )
    errors.append(float((with_state - without).norm() / without.norm()))
print(f"distance of the logits with and without the state: one row {errors[0]:.1e}, two rows {errors[1]:.1e}")
sys.exit(0 if errors[0] < 1e-5 and errors[1] > 0.1 else 1)
PY
