"""What LoRA adapts and 4 bits hold, told from the configuration, is what the libraries do with real models."""

from __future__ import annotations

import logging

import pytest
import torch
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, T5Config

from rtuning_helpers.errors import InputError
from rtuning_helpers.model.language_model import load_base_model
from rtuning_helpers.model.lora import lora_config
from rtuning_helpers.model.tuning_memory import GIB
from rtuning_helpers.model.weight_shares import weight_shares

BASE = {
    **{"vocab_size": 64, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 0},
}
HEADS = BASE | {"head_dim": 16}
EXPERTS = {
    **{"moe_intermediate_size": 64, "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4},
    **{"num_experts_per_tok": 2, "shared_expert_intermediate_size": 64},
}
LATENT = {
    **{"q_lora_rank": 32, "kv_lora_rank": 32, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16},
    **{"n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "num_key_value_heads": 4},
}
DELTA = {"linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 16, "linear_value_head_dim": 16}
MAMBA = {"mamba_d_ssm": 64, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_d_state": 16}
ARCHITECTURES = {
    "llama": HEADS,
    "gemma3_text": HEADS,
    "gpt2": {"vocab_size": 64, "n_embd": 64, "n_layer": 2, "n_head": 4},
    "mixtral": HEADS | EXPERTS,
    "deepseek_v3": BASE | EXPERTS | LATENT,
    "qwen3_next": HEADS | EXPERTS | DELTA,
    "gpt_oss": HEADS | EXPERTS,
    "llama4_text": HEADS | EXPERTS | {"intermediate_size_mlp": 128, "interleave_moe_layer_step": 1},
    "falcon_h1": HEADS | MAMBA,
    "mamba2": {"vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 2, "num_heads": 8, "head_dim": 16}
    | {"state_size": 16, "n_groups": 1, "expand": 2},
}
FUSED = {"mlp.experts.gate_up_proj", "mlp.experts.down_proj"}
# Large matrices without LoRA beside them, and those that are not rounded.
OUT = {
    "mixtral": (set(), FUSED),
    "deepseek_v3": ({f"mlp.{s}{p}_proj" for s in ("", "shared_experts.") for p in ("gate", "up", "down")}, FUSED),
    "qwen3_next": ({f"mlp.shared_expert.{p}_proj" for p in ("gate", "up", "down")}, FUSED),
    "gpt_oss": (FUSED, FUSED),
    "llama4_text": ({f"feed_forward.experts.{p}_proj" for p in ("gate_up", "down")},) * 2,
    "falcon_h1": ({"mamba.out_proj"}, set()),
    "mamba2": ({"mixer.out_proj"}, set()),
}


def configuration(kind):
    logging.getLogger("transformers").setLevel(logging.ERROR)  # about token ids beyond so small a vocabulary
    return AutoConfig.for_model(kind, **ARCHITECTURES[kind])


@pytest.fixture(params=ARCHITECTURES)
def made(request, tmp_path):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(configuration(request.param))
    model.save_pretrained(tmp_path)
    return request.param, tmp_path


@pytest.mark.filterwarnings("ignore")
def test_shares_are_those_of_the_model_as_libraries_load_and_adapt_it(made):
    kind, folder = made
    shares = weight_shares(AutoConfig.from_pretrained(folder), rank=4)
    model = load_base_model(str(folder), None, "float32", four_bit=True, packed=True)
    packed = sum(2 * p.numel() for p in model.parameters() if type(p).__name__ == "Params4bit")
    assert shares.rounded == packed > 0
    assert shares.total == packed + sum(p.numel() for p in model.parameters() if type(p).__name__ != "Params4bit")
    adapted = get_peft_model(model, lora_config(model.config, 4)).train()  # 4 bits on a CPU need it for odd sizes
    assert shares.trained == sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    ids = torch.arange(1, 9)[None]
    adapted(input_ids=ids, labels=ids).loss.backward()
    outer = {name: weight.grad for name, weight in adapted.named_parameters() if "lora_B" in name}
    assert outer and all(grad is not None and grad.abs().sum() > 0 for grad in outer.values())


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_what_stays_out_is_named(kind):
    shares = weight_shares(configuration(kind), rank=4)
    without, exact = OUT.get(kind, (set(), set()))
    outside = (shares.without_lora, shares.not_rounded)
    assert [{n for n, size in out.items() if size > 0.02 * shares.total} for out in outside] == [without, exact]
    for sentence, out in zip((shares.lora_sentence(), shares.four_bit_sentence()), outside, strict=True):
        largest = [name for name in sorted(out, key=lambda name: -out[name])[:4] if out[name] > 0.01 * shares.total]
        assert all(f"{name} {100 * out[name] / shares.total:.0f} %" in sentence for name in largest)
    if kind in ("llama", "gemma3_text", "gpt2"):
        assert shares.adapted == shares.rounded and shares.fused == 0


def test_shares_of_a_mixture_in_words():
    shares = weight_shares(configuration("gpt_oss"), rank=4)
    assert shares.lora_sentence() == shares.four_bit_sentence().replace("4 bits hold", "LoRA adapts")
    share = 100 * shares.fused / shares.total
    assert 70 < share < 90
    assert f"{100 * shares.adapted / shares.total:.0f} % of the weights, not mlp.experts.gate_up_proj" in (
        shares.lora_sentence()
    )


def test_looking_draws_no_random_number():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    lora_config(configuration("falcon_h1"), 4)
    assert torch.equal(torch.rand(4), expected)


def test_memory_counts_what_is_not_rounded_in_full():
    dense, mixed = (weight_shares(configuration(kind), rank=4) for kind in ("llama", "gpt_oss"))
    for shares in (dense, mixed):
        full, lora, qlora = (
            shares.memory_gib("bfloat16", *how) for how in (("full", True), ("lora", True), ("qlora", True))
        )
        assert full == 8 * shares.total / GIB
        assert lora == pytest.approx((2 * shares.total + 16 * shares.trained) / GIB)
        exact = shares.total - shares.rounded - shares.fused
        held = 0.516 * shares.rounded + 2 * shares.fused + 4 * exact
        assert qlora == pytest.approx((held + 10 * shares.trained) / GIB, rel=1e-3)
    assert mixed.memory_gib("bfloat16", "qlora", True) > 1.6 * mixed.total / GIB
    assert dense.memory_gib("float32", "qlora", False) == pytest.approx((4 * dense.total + 16 * dense.trained) / GIB)


def test_a_model_of_another_kind_is_one_line():
    with pytest.raises(InputError, match="parameter model of the type t5: no causal language model") as caught:
        weight_shares(T5Config(num_layers=1), 4)
    assert "\n" not in str(caught.value)
