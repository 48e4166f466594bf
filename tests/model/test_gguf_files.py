"""A GGUF file becomes a folder with the same model, tokenizer and ends, once; each bad one is one line."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
)

pytest.importorskip("gguf", reason="GGUF files are read by the package gguf: pip install gguf")

from gguf_samples import END, TEMPLATE, TURN_END, vocabulary, write_gguf  # noqa: E402

from rtuning_helpers.errors import InputError  # noqa: E402
from rtuning_helpers.model import gguf_files  # noqa: E402
from rtuning_helpers.model.language_model import load_language_model, model_context_length  # noqa: E402
from rtuning_helpers.model.model_files import model_location, model_revision  # noqa: E402

SIZES = {
    "vocab_size": len(vocabulary()[0]),
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RTUNING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def llama(**settings):
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES | settings)).eval()


def logits(model, count=40):
    with torch.inference_mode():
        return model(torch.arange(count)[None] * 7 % SIZES["vocab_size"]).logits


def differ(one, other):
    return float((one - other).abs().max() / other.abs().max())


@pytest.mark.parametrize("make", [llama, lambda: llama(tie_word_embeddings=True)], ids=["output layer", "tied"])
@pytest.mark.parametrize("quantised", [False, True])
def test_the_folder_holds_the_model_that_transformers_loads(make, quantised, tmp_path, cache):
    file = write_gguf(tmp_path / "m.gguf", make(), quantised=quantised)
    folder = model_location(str(file))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="m.gguf", dtype=torch.float32)
    kept = load_language_model(str(file), four_bit=False)
    assert differ(logits(kept.model), logits(loaded)) < 1e-5
    assert differ(logits(kept.model), logits(make())) < (0.02 if quantised else 1e-5)
    assert kept.model.config.tie_word_embeddings == make().config.tie_word_embeddings
    assert folder == str(cache / f"gguf-{gguf_sha(file)}") and sorted(os.listdir(cache)) == [os.path.basename(folder)]
    assert kept.revision == model_revision(folder) == model_revision(str(file))
    assert model_context_length(str(file)) == 128


def gguf_sha(file):
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_norms_of_gemma_count_from_one_in_the_file(tmp_path):
    types = ["sliding_attention"] * 5 + ["full_attention"]  # what transformers makes of every GGUF file
    torch.manual_seed(0)
    sizes = SIZES | {"num_hidden_layers": 6}
    model = Gemma3ForCausalLM(Gemma3TextConfig(**sizes, head_dim=16, sliding_window=8, layer_types=types)).eval()
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(weight, std=0.3)
    kept = load_language_model(str(write_gguf(tmp_path / "m.gguf", model)), four_bit=False)
    assert differ(logits(kept.model), logits(model)) < 1e-5


def test_tokenizer_template_and_every_end_come_along(tmp_path):
    lm = load_language_model(str(write_gguf(tmp_path / "m.gguf", llama())), four_bit=False)
    tokens, _ = vocabulary()
    assert lm.end_token_ids == {tokens.index(END), tokens.index(TURN_END)}
    assert lm.tokenizer.eos_token == TURN_END
    assert lm.tokenizer.chat_template == TEMPLATE
    theirs = AutoTokenizer.from_pretrained(tmp_path, gguf_file="m.gguf")
    text = "Question: Where? Answer: São Paulo"
    assert lm.tokenizer(text)["input_ids"] == theirs(text)["input_ids"]
    assert lm.tokenizer.decode(lm.tokenizer(text)["input_ids"]) == text
    assert "ĠAnswer" in lm.tokenizer.convert_ids_to_tokens(lm.tokenizer(text)["input_ids"])


def test_rounding_to_4_bits_works_on_what_was_converted(tmp_path):
    file = str(write_gguf(tmp_path / "m.gguf", llama(), quantised=True))
    exact, rounded = (load_language_model(file, four_bit=flag) for flag in (False, True))
    assert 0 < differ(logits(rounded.model), logits(exact.model)) < 0.5


def test_frequencies_that_llama_3_scales_are_scaled(tmp_path):
    model = llama(rope_parameters=LLAMA3)
    plain = model.config.rope_parameters["rope_theta"] ** -(torch.arange(0, 16, 2) / 16)
    factors = (plain / model.model.rotary_emb.inv_freq).numpy().astype(np.float32)
    assert factors.max() > 7
    file = write_gguf(tmp_path / "m.gguf", model, tensors={"rope_freqs.weight": factors})
    kept = load_language_model(str(file), four_bit=False)
    assert differ(logits(kept.model, 100), logits(model, 100)) < 1e-5


def test_positions_that_are_divided_are_divided(tmp_path):
    model = llama(rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0})
    file = write_gguf(tmp_path / "m.gguf", model, fields={"rope.scaling.type": "linear", "rope.scaling.factor": 4.0})
    kept = load_language_model(str(file), four_bit=False)
    assert differ(logits(kept.model, 100), logits(model, 100)) < 1e-5


def test_a_file_is_converted_once_whatever_its_name(tmp_path, monkeypatch, cache):
    first = model_location(str(write_gguf(tmp_path / "m.gguf", llama())))
    monkeypatch.setattr(gguf_files, "convert_gguf", lambda *_: pytest.fail("converted again"))
    os.rename(tmp_path / "m.gguf", tmp_path / "other.GGUF")
    assert model_location(str(tmp_path / "other.GGUF")) == first


def test_files_beside_it_are_not_mixed_in(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "chat_template.jinja").write_text("another")
    lm = load_language_model(str(write_gguf(tmp_path / "m.gguf", llama())), four_bit=False)
    assert lm.model.config.model_type == "llama" and lm.tokenizer.chat_template == TEMPLATE


def bad(case, path):
    model, heads = llama(), {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0}
    if case == "another architecture":
        return write_gguf(path, model, architecture="nonesuch")
    if case == "no tokenizer":
        return write_gguf(path, model, tokenizer=False)
    if case == "unread scaling":
        return write_gguf(path, model, fields=heads)
    if case == "unread weights":
        return write_gguf(path, model, tensors={"blk.0.nextn.weight": np.ones((4, 4), dtype=np.float32)})
    write_gguf(path, model)
    content = path.read_bytes()
    if case == "missing weights":  # a layer more than there is
        return write_gguf(path, llama(num_hidden_layers=1), fields={}) and _with_blocks(path)
    path.write_bytes({"cut": content[:-1000], "cut in the header": content[:700], "other": b"text" * 99}[case])
    return path


def _with_blocks(path):
    content = path.read_bytes()
    place = content.index(b"llama.block_count") + len("llama.block_count") + 4
    path.write_bytes(content[:place] + (2).to_bytes(4, "little") + content[place + 4 :])
    return path


@pytest.mark.parametrize(
    ("case", "expectation"),
    [
        ("cut", "no whole GGUF file of [0-9,]+ bytes .*; it may have been cut short"),
        ("cut in the header", "no whole GGUF file of 700 bytes"),
        ("other", "no GGUF file, its first bytes are others; expected one"),
        ("another architecture", "cannot be read as GGUF .*architecture nonesuch is not supported"),
        ("no tokenizer", "holds no tokenizer; expected tokenizer.ggml.model and tokenizer.ggml.tokens"),
        ("unread scaling", "scaled in the way 'yarn', which transformers does not read .*; expected linear or none"),
        ("unread weights", r"holds [0-9,]+ weights, and transformers reads [0-9,]+ of them"),
        (
            "missing weights",
            r"9 of the weights .* llama asks for are not in it, such as .*layers.1.*; expected all",
        ),
    ],
)
def test_a_bad_file_is_one_line_and_leaves_nothing(case, expectation, tmp_path, cache):
    file = str(bad(case, tmp_path / "bad.gguf"))
    for use in (model_location, load_language_model):
        with pytest.raises(InputError, match=expectation) as caught:
            use(file)
        assert str(caught.value).startswith(f"parameter model {file}: ") and "\n" not in str(caught.value)
        assert not cache.exists() or os.listdir(cache) == []


def test_without_the_package_gguf(tmp_path, monkeypatch):
    file = write_gguf(tmp_path / "m.gguf", llama())
    monkeypatch.setattr(gguf_files, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="read by the package gguf, which is not installed; .* `pip install gguf`"):
        model_location(str(file))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file; expected a GGUF file"):
        model_location(str(tmp_path / "none.gguf"))
