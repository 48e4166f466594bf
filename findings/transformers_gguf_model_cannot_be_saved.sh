#!/usr/bin/env bash
# transformers 5.23.0, gguf 0.19.0, torch 2.13.0: a model that was loaded with from_pretrained(gguf_file=...) has plain float32
# weights and trains, but save_pretrained refuses it as not serializable, and a quantization_config for 4 bits is not possible.
# Expected: what the library's page on GGUF says it is for: the file is unpacked to fp32 for fine-tuning, and converted back then.
# Seen:
#   loaded: torch.float32, LlamaForCausalLM
#   save_pretrained: ValueError: The model is quantized with gguf and is not serializable ...
#   its state_dict in the same model under a configuration without quantization_config: saved
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 transformers==5.23.0 accelerate==1.15.0 \
  gguf==0.19.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - "$work" <<'PY' 2>/dev/null
import sys

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM

work, width, words = sys.argv[1], 32, 64
w = gguf.GGUFWriter(f"{work}/m.gguf", "llama")
w.add_context_length(64)
w.add_block_count(1)
w.add_embedding_length(width)
w.add_feed_forward_length(width)
w.add_head_count(2)
w.add_head_count_kv(2)
w.add_layer_norm_rms_eps(1e-5)
w.add_rope_dimension_count(16)
w.add_vocab_size(words)
draw = np.random.default_rng(0).normal
w.add_tensor("token_embd.weight", draw(size=(words, width)).astype(np.float32))
for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
    w.add_tensor(f"blk.0.{name}.weight", draw(size=(width, width)).astype(np.float32))
for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
    w.add_tensor(f"{name}.weight", np.ones(width, dtype=np.float32))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
model = AutoModelForCausalLM.from_pretrained(work, gguf_file="m.gguf", dtype=torch.float32)
print(f"loaded: {model.dtype}, {type(model).__name__}")
refused = False
try:
    model.save_pretrained(f"{work}/saved")
    print("save_pretrained: saved")
except ValueError as error:
    refused = "not serializable" in str(error)
    print(f"save_pretrained: ValueError: {str(error)[:62]} ...")
del model.config.quantization_config
plain = type(model)(model.config)
plain.load_state_dict(model.state_dict())
plain.save_pretrained(f"{work}/copied")
print("its state_dict in the same model under a configuration without quantization_config: saved")
sys.exit(0 if refused else 1)
PY
