#!/usr/bin/env bash
# transformers 5.23.0, gguf 0.19.0, torch 2.13.0: from_pretrained(gguf_file=...) passes over the tensor rope_freqs.weight, in which
# llama.cpp's converter puts Llama 3.1's and 3.2's scaling of the rotary frequencies. The model loads without a word, and answers
# otherwise than the one that was converted.
# Expected: the same logits as before the conversion (as without scaling), or a word about a tensor that is not used.
# Seen:
#   plain rope: logits differ by 0.000 of their largest, no word about rope_freqs
#   llama3 rope: logits differ by 1.2 of their largest, no word about rope_freqs
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 transformers==5.23.0 accelerate==1.15.0 \
  gguf==0.19.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - "$work" <<'PY' 2>"$work/said"
import sys
from pathlib import Path

import gguf
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

work = Path(sys.argv[1])
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}


def write(model, file):
    """As llama.cpp's convert_hf_to_gguf.py does."""
    c = model.config
    w = gguf.GGUFWriter(file, "llama")
    w.add_context_length(c.max_position_embeddings)
    w.add_block_count(c.num_hidden_layers)
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_rope_freq_base(c.rope_parameters["rope_theta"])
    w.add_rope_dimension_count(c.head_dim)
    w.add_vocab_size(c.vocab_size)
    for key, weight in model.state_dict().items():
        array = weight.numpy()
        if key in TOP:
            w.add_tensor(TOP[key], array)
            continue
        _, _, layer, name = key.removesuffix(".weight").split(".", 3)
        if name.endswith(("q_proj", "k_proj")):
            array = array.reshape(-1, 2, c.head_dim // 2, c.hidden_size).swapaxes(1, 2).reshape(array.shape).copy()
        w.add_tensor(f"blk.{layer}.{NAMES[name]}.weight", array)
    if c.rope_parameters["rope_type"] == "llama3":
        plain = c.rope_parameters["rope_theta"] ** -(torch.arange(0, c.head_dim, 2) / c.head_dim)
        w.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq).numpy())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


ROPES = {
    "plain": {"rope_type": "default", "rope_theta": 5e5},
    "llama3": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64},
}
seen = {}
for name, rope in ROPES.items():
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 2, "num_key_value_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(num_hidden_layers=2, initializer_range=0.2, rope_parameters=rope, **sizes)).eval()
    write(model, work / f"{name}.gguf")
    loaded = AutoModelForCausalLM.from_pretrained(work, gguf_file=f"{name}.gguf", dtype=torch.float32).eval()
    tokens = torch.arange(512)[None] * 7 % 64
    with torch.inference_mode():
        before, after = model(tokens).logits, loaded(tokens).logits
    seen[name] = float((after - before).abs().max() / before.abs().max())
    said = "a word" if "rope_freqs" in (work / "said").read_text() else "no word"
    print(f"{name} rope: logits differ by {seen[name]:.3f} of their largest, {said} about rope_freqs")
sys.exit(0 if seen["plain"] < 1e-4 and seen["llama3"] > 0.05 and said == "no word" else 1)
PY
