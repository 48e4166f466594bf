#!/usr/bin/env bash
# bitsandbytes 0.50.2, peft 0.21.2, transformers 5.23.0, torch 2.13.0: on a CPU with AVX512-BF16, one forward pass in evaluation mode repacks
# the weights of every Linear4bit for good. Back in training mode such a layer passes no gradient to its input any more, without a word.
# Expected: a look at the model between two training steps (an evaluation callback) changes nothing about the training.
# Seen (AMD EPYC, AVX512-BF16), norm of the adapters' gradients in layers 0, 1 and 2 of a small Llama with LoRA on all linear layers:
#   before an evaluation: 0.791 0.682 0.583
#   after one:            0.136 0.264 0.489
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 bitsandbytes==0.50.2 peft==0.21.2 \
  transformers==5.23.0 accelerate==1.15.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys
import tempfile

import torch
from bitsandbytes.functional import has_avx512bf16
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

if not has_avx512bf16():
    print("this processor has no AVX512-BF16: not to be seen here")
    sys.exit(77)
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=512, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4
)
four_bit = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
with tempfile.TemporaryDirectory() as folder:
    LlamaForCausalLM(config).save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=four_bit, device_map={"": "cpu"}, dtype=torch.float32
    )
model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
tokens = torch.arange(40)[None]


def norms():
    model.train()
    model.zero_grad()
    model(input_ids=tokens, labels=tokens).loss.backward()
    grads = [(name, p.grad.norm().item()) for name, p in model.named_parameters() if p.requires_grad and p.grad is not None]
    return [sum(norm**2 for name, norm in grads if f"layers.{i}." in name) ** 0.5 for i in range(3)]


before = norms()
model.eval()
with torch.no_grad():
    model(input_ids=tokens)
after = norms()
print("before an evaluation:", *(f"{norm:.3f}" for norm in before))
print("after one:           ", *(f"{norm:.3f}" for norm in after))
sys.exit(0 if after[0] < 0.5 * before[0] else 1)
PY
