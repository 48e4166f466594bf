"""Model folders: good ones load, and each way of being bad is one clear line."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import pytest
import torch

from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256, verify_checksums
from rtuning_helpers.model import language_model
from rtuning_helpers.model.language_model import (
    load_language_model,
    load_tokenizer,
    model_context_length,
    model_location,
    model_revision,
)


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A copy of the tiny model that a test may break."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def write_sums(folder):
    lines = [f"{file_sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_good_folder_loads_in_4_bit_and_without(folder):
    assert model_location(str(folder)) == str(folder)
    four_bit, plain = (load_language_model(str(folder), four_bit=flag) for flag in (True, False))
    assert type(four_bit.model.model.layers[0].mlp.up_proj.weight).__name__ == "Params4bit"
    assert plain.model.dtype == torch.float32
    assert not four_bit.model.training and not plain.model.training
    assert four_bit.revision == plain.revision == model_revision(str(folder))
    assert plain.name == str(folder)
    assert load_language_model(str(folder), four_bit=False, dtype="bfloat16").model.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("missing", "expectation"),
    [
        ("config.json", "no config.json in it; expected a Hugging Face model folder"),
        ("model.safetensors", "no .*safetensors in it; expected weights in safetensors format"),
        ("tokenizer.json", "no tokenizer in it; expected tokenizer.json or tokenizer.model or vocab.json"),
    ],
)
def test_an_incomplete_folder_is_named_with_what_it_lacks(folder, missing, expectation):
    (folder / missing).unlink()
    for use in (model_location, load_language_model, load_tokenizer, model_revision):
        with pytest.raises(InputError, match=expectation) as caught:
            use(str(folder))
        assert str(folder) in one_line(caught)


def test_pickled_weights_are_not_enough(folder):
    os.rename(folder / "model.safetensors", folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="expected weights in safetensors format"):
        load_language_model(str(folder))


@pytest.mark.parametrize("name", ["./no-such-folder", "/no/such/folder", "~/no-such-folder"])
def test_a_missing_folder_is_named(name):
    with pytest.raises(InputError, match="no such folder; expected a folder with a model, a hub name, or") as caught:
        model_location(name)
    assert f"parameter model {name}" in one_line(caught)


def test_a_hub_name_is_left_to_the_hub():
    assert model_location("owner/some-model") == "owner/some-model"
    assert model_revision("owner/some-model", "abc123") == "abc123"
    assert model_revision("owner/some-model") == "main"


def test_the_mini_model_without_its_checkpoint(monkeypatch, tmp_path):
    monkeypatch.setattr(language_model, "MINI_CHECKPOINT", tmp_path / "checkpoint")
    with pytest.raises(InputError, match="checkpoint .* is missing: run `rtuning build-mini`"):
        load_language_model("mini")
    monkeypatch.setattr(language_model, "MINI_TASKS_CHECKPOINT", tmp_path / "checkpoint_tasks")
    with pytest.raises(InputError, match="the mini-tasks model's .* run `rtuning build-mini --tasks`"):
        load_language_model("mini-tasks")


@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "tokenizer.json"])
def test_damaged_files_are_named_in_one_line(folder, broken):
    path = folder / broken
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="parameter model .*cannot be loaded") as caught:
        load_language_model(str(folder), four_bit=False)
    assert str(folder) in one_line(caught)


def test_checksums(folder):
    verify_checksums(folder)  # without a listing there is nothing to compare
    write_sums(folder)
    verify_checksums(folder)
    with (folder / "config.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    with pytest.raises(InputError, match=r"config.json: SHA-256 is \w{12}..., expected \w{12}... as listed"):
        verify_checksums(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match="config.json: missing, but listed in SHA256SUMS"):
        verify_checksums(folder)


def test_the_mini_model_is_checked_before_it_is_loaded(folder, monkeypatch):
    monkeypatch.setattr(language_model, "MINI_CHECKPOINT", folder)
    write_sums(folder)
    assert load_language_model("mini", four_bit=False).name == "mini"
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="model.safetensors: SHA-256 is .*run `rtuning build-mini`"):
        load_language_model("mini", four_bit=False)


def test_the_revision_of_a_folder_follows_its_content(folder):
    before = model_revision(str(folder))
    (folder / "README.md").write_text("a note", encoding="utf-8")
    assert model_revision(str(folder)) == before
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert model_revision(str(folder)) != before


def test_file_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert file_sha256(tmp_path / "f") == hashlib.sha256(b"abc").hexdigest()


def test_a_tokenizer_without_padding_pads_with_the_end_of_sequence(folder):
    from transformers import PreTrainedTokenizerFast

    bare = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), eos_token="<s>")
    bare.save_pretrained(folder)
    assert load_tokenizer(str(folder)).pad_token == "<s>"


def test_the_context_length_is_known_without_loading_the_weights(folder, tiny_lm):
    (folder / "model.safetensors").write_bytes(b"")
    assert model_context_length(str(folder)) == tiny_lm.context_length > 100
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    gpt2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_positions": 77}
    bloom = {"model_type": "bloom", "architectures": ["BloomForCausalLM"]}
    for described, expected in ((config | {"max_position_embeddings": 99}, 99), (gpt2, 77), (bloom, None)):
        (folder / "config.json").write_text(json.dumps(described), encoding="utf-8")
        assert model_context_length(str(folder)) == expected
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="its configuration cannot be loaded") as caught:
        model_context_length(str(folder))
    one_line(caught)


def test_stop_tokens_of_the_tiny_model(tiny_lm):
    tokens = tiny_lm.tokenizer.convert_ids_to_tokens(tiny_lm.stop_token_ids.tolist())
    assert set(tokens) == {"<s>", ".", "<0x0A>"}
