#!/usr/bin/env bash
# bitsandbytes 0.50.2, peft 0.21.2, transformers 5.23.0, torch 2.13.0: of a mixture of experts load_in_4bit rounds only what is no
# expert, since transformers 5 keeps the experts of a layer in one 3-D weight that is no torch.nn.Linear; and
# prepare_model_for_kbit_training turns those from bfloat16 into float32. Ready for QLoRA the model takes more than in 16 bits.
# Expected: about a quarter of the memory of bfloat16, as of a model without experts.
# Seen (memory of the layers' weights, as a share of that in bfloat16):
#   llama: 0.25 loaded in 4 bits, 0.25 ready for training
#   mixtral: 0.96 loaded in 4 bits, 1.9 ready for training
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 peft==0.21.2 transformers==5.23.0 \
  accelerate==1.15.0 bitsandbytes==0.50.2
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - "$work" <<'PY' 2>/dev/null
import sys

import torch
from peft import prepare_model_for_kbit_training
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

sizes = {"vocab_size": 64, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
nf4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)


def memory(model):
    return sum(p.numel() * p.element_size() for name, p in model.named_parameters() if ".layers." in name)


seen = {}
for name in ("llama", "mixtral"):
    folder = f"{sys.argv[1]}/{name}"
    plain = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **sizes, num_key_value_heads=2)).to(torch.bfloat16)
    plain.save_pretrained(folder)
    small = AutoModelForCausalLM.from_pretrained(folder, quantization_config=nf4, dtype=torch.bfloat16)
    loaded = memory(small) / memory(plain)
    ready = memory(prepare_model_for_kbit_training(small)) / memory(plain)
    seen[name] = ready
    print(f"{name}: {loaded:.2g} loaded in 4 bits, {ready:.2g} ready for training")
sys.exit(0 if seen["llama"] < 0.3 and seen["mixtral"] > 1 else 1)
PY
