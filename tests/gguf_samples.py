"""Small GGUF files of made-up models, as llama.cpp's converter writes them."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from tokenizers import pre_tokenizers
from transformers import PreTrainedModel

END, TURN_END = "<|endoftext|>", "<|im_end|>"
TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
NORMS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
GEMMA_NORMS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
}
LAYERS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def vocabulary() -> tuple[list[str], list[str]]:
    """Byte-level tokens and merges, the two ends first."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ["Ġ A", "n s", "ns w", "nsw e", "nswe r", "ĠA nswer"]
    return [END, TURN_END, *letters, *(merge.replace(" ", "") for merge in merges)], merges


def write_gguf(
    path: Path,
    model: PreTrainedModel,
    *,
    quantised: bool = False,
    tokenizer: bool = True,
    architecture: str | None = None,
    fields: dict | None = None,
    tensors: dict[str, np.ndarray] | None = None,
) -> Path:
    """A model of the type ``llama`` or ``gemma3_text`` as a GGUF file.

    Args:
        path: The file.
        model: The model; its vocabulary has the size of `vocabulary`.
        quantised: Layers as Q8_0, else all in float32.
        tokenizer: Whether the file has one.
        architecture: Another name of the architecture than the right one.
        fields: Further fields of the architecture.
        tensors: Further tensors.
    """
    config, gemma = model.config, model.config.model_type == "gemma3_text"
    architecture = architecture or ("gemma3" if gemma else "llama")
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["full_attention"]["rope_theta"] if gemma else rope["rope_theta"])
    if gemma:
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
        writer.add_sliding_window(config.sliding_window)
    else:
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_vocab_size(config.vocab_size)
    for key, value in (fields or {}).items():
        key = f"{architecture}.{key}"
        writer.add_string(key, value) if isinstance(value, str) else writer.add_float32(key, value)
    if tokenizer:
        tokens, merges = vocabulary()
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(tokens)
        writer.add_token_types([3 if token in (END, TURN_END) else 1 for token in tokens])
        writer.add_token_merges(merges)
        writer.add_eos_token_id(tokens.index(TURN_END))
        writer.add_chat_template(TEMPLATE)
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    per_layer = LAYERS | (GEMMA_NORMS if gemma else NORMS)
    names |= {
        f"model.layers.{layer}.{theirs}": f"blk.{layer}.{ours}"
        for layer in range(config.num_hidden_layers)
        for theirs, ours in per_layer.items()
    }
    for key, weight in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        name, array = names[key.removesuffix(".weight")], weight.float().numpy()
        if gemma and name.endswith("norm"):
            array = array + 1
        elif not gemma and name.endswith(("attn_q", "attn_k")):
            heads = config.num_attention_heads if name.endswith("q") else config.num_key_value_heads
            array = array.reshape(heads, 2, len(array) // heads // 2, -1).swapaxes(1, 2).reshape(array.shape)
        kind = gguf.GGMLQuantizationType.Q8_0 if quantised and array.ndim == 2 else None
        stored = np.ascontiguousarray(array, dtype=np.float32)
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(stored, kind) if kind else stored, raw_dtype=kind)
    for name, array in (tensors or {}).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
