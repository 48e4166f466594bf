"""Model folders: good ones load, and each way of being bad is one clear line."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import processors
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256, verify_checksums
from rtuning_helpers.model import model_files
from rtuning_helpers.model.decoding import answer_prompts
from rtuning_helpers.model.hidden_states import hidden_states
from rtuning_helpers.model.language_model import load_language_model, load_tokenizer, model_context_length
from rtuning_helpers.model.model_files import model_location, model_revision
from rtuning_helpers.probe.uncertainty import perplexities


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
    rounded, exact = (lm.model.model.layers[0].mlp.up_proj.weight for lm in (four_bit, plain))
    assert 0 < (rounded - exact).norm() / exact.norm() < 0.15
    assert plain.model.dtype == torch.float32
    assert not four_bit.model.training and not plain.model.training
    assert four_bit.revision == plain.revision == model_revision(str(folder))
    assert plain.name == str(folder)
    assert load_language_model(str(folder), four_bit=False, dtype="bfloat16").model.dtype == torch.bfloat16


def test_a_model_saved_in_4_bits_loads_in_4_bits_and_unpacked(folder, tmp_path):
    packed = load_language_model(str(folder), packed=True)
    packed.model.save_pretrained(tmp_path / "saved")
    packed.tokenizer.save_pretrained(tmp_path / "saved")
    rounded = load_language_model(str(folder))
    for how in ({"four_bit": False}, {"four_bit": True}, {"four_bit": False, "dtype": "bfloat16"}):
        lm = load_language_model(str(tmp_path / "saved"), **how)
        assert lm.model.dtype == getattr(torch, how.get("dtype", "float32"))
        assert not getattr(lm.model, "is_loaded_in_4bit", False)
        for (name, weight), expected in zip(lm.model.named_parameters(), rounded.model.parameters(), strict=True):
            assert torch.allclose(weight.float(), expected, atol=1e-5 + 0.004 * ("dtype" in how)), name
    again = load_language_model(str(tmp_path / "saved"), packed=True)
    assert type(again.model.model.layers[0].mlp.up_proj.weight).__name__ == "Params4bit"


def test_weights_rounded_once_are_those_of_the_packed_layers(folder):
    """A forward pass as in training: without gradients some processors multiply 4-bit weights in bfloat16."""
    packed, rounded = (load_language_model(str(folder), packed=flag) for flag in (True, None))
    assert type(packed.model.model.layers[0].mlp.up_proj.weight).__name__ == "Params4bit"
    assert type(rounded.model.model.layers[0].mlp.up_proj) is torch.nn.Linear
    ids = torch.arange(2, 42).reshape(4, 10)
    ours, theirs = (lm.model.train()(ids).logits for lm in (rounded, packed))
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    assert not getattr(rounded.model, "is_loaded_in_4bit", False)


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


@pytest.fixture
def hub_cache(folder, tmp_path, monkeypatch):
    """The local cache of the hub, without a connection: two commits of ``owner/model``, ``main`` being the first."""
    cache = tmp_path / "hub"
    repository = cache / "models--owner--model"
    for commit in ("1" * 40, "2" * 40):
        shutil.copytree(folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1" * 40, encoding="utf-8")
    (repository / "refs" / "v2").write_text("2" * 40, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model_files.commit_of.cache_clear()
    yield repository
    model_files.commit_of.cache_clear()


def test_a_hub_model_is_identified_by_its_commit(hub_cache):
    assert model_location("owner/model") == "owner/model"
    assert model_revision("owner/model") == model_revision("owner/model", "main") == "1" * 40
    assert model_revision("owner/model", "v2") == model_revision("owner/model", "2" * 40) == "2" * 40
    assert load_language_model("owner/model", four_bit=False).revision == "1" * 40
    assert load_language_model("owner/model", four_bit=False, revision="v2").revision == "2" * 40


def test_a_hub_model_that_changes_meanwhile_is_read_from_one_commit(hub_cache):
    assert model_revision("owner/model") == "1" * 40
    (hub_cache / "refs" / "main").write_text("2" * 40, encoding="utf-8")
    shutil.rmtree(hub_cache / "snapshots" / ("2" * 40))
    assert load_tokenizer("owner/model").eos_token == "<s>"
    model_files.commit_of.cache_clear()  # the next run
    with pytest.raises(InputError, match="owner/model: cannot be fetched"):
        model_revision("owner/model")


@pytest.mark.parametrize(("name", "revision"), [("owner/other", None), ("owner/model", "v3"), ("no name", None)])
def test_a_hub_model_that_is_not_to_be_had_is_one_line(hub_cache, name, revision):
    for use in (model_revision, load_tokenizer, model_context_length):
        with pytest.raises(
            InputError, match=f"parameter model {name}: cannot be fetched .*; expected a folder"
        ) as caught:
            use(name, revision)
        one_line(caught)


def test_the_mini_model_without_its_checkpoint(monkeypatch, tmp_path):
    monkeypatch.setattr(model_files, "MINI_CHECKPOINT", tmp_path / "checkpoint")
    with pytest.raises(InputError, match="checkpoint .* is missing: run `rtuning build-mini`"):
        load_language_model("mini")
    monkeypatch.setattr(model_files, "MINI_TASKS_CHECKPOINT", tmp_path / "checkpoint_tasks")
    with pytest.raises(InputError, match="the mini-tasks model's .* run `rtuning build-mini --tasks`"):
        load_language_model("mini-tasks")


@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "tokenizer.json"])
def test_damaged_files_are_named_in_one_line(folder, broken):
    path = folder / broken
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="parameter model .*cannot be loaded") as caught:
        load_language_model(str(folder), four_bit=False)
    assert str(folder) in one_line(caught)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("tokenizer.json", "{}"),
        ("tokenizer_config.json", "[]"),
        ("tokenizer_config.json", '{"eos_token": 5}'),
        ("generation_config.json", "[]"),
    ],
)
def test_files_of_another_form_are_named_in_one_line(folder, file, content):
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=rf"parameter model {folder}: .*cannot be loaded \(\w+Error: .+\)") as caught:
        load_language_model(str(folder), four_bit=False)
    one_line(caught)


@pytest.mark.parametrize("four_bit", [False, True])
@pytest.mark.parametrize(
    ("setting", "value", "expectation"),
    [
        ("vocab_size", 99, r"embed_tokens.weight has the shape \(\d+, 64\); expected \(99, 64\) as in its config.json"),
        ("num_hidden_layers", 3, r"9 of the weights .* are not in its files, such as .*layers\.2\..*; expected all"),
    ],
)
def test_weights_that_are_not_those_of_the_configuration_are_not_made_up(folder, setting, value, expectation, four_bit):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    good = shutil.copytree(folder, folder.with_name("good"))
    (folder / "config.json").write_text(json.dumps(config | {setting: value}), encoding="utf-8")
    with pytest.raises(InputError, match=f"parameter model {folder}: .*{expectation}") as caught:
        load_language_model(str(folder), four_bit=four_bit)
    one_line(caught)
    with pytest.raises(InputError, match=f"adapter {folder}: .*{expectation}"):  # a fully tuned model
        load_language_model(str(good), adapter=folder, four_bit=four_bit)


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
    monkeypatch.setattr(model_files, "MINI_CHECKPOINT", folder)
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
    assert set(tokens) == {"<s>", ".", "<0x0A>", "<0x82>", "<0x81>", "<0x9F>", "<0xA1>"}  # the last four of 。！？｡


@pytest.mark.parametrize(
    "name",
    "tokenizer_config.json generation_config.json config.json tokenizer.json tokenizer.model vocab.json merges.txt "
    "special_tokens_map.json added_tokens.json chat_template.jinja adapter_config.json".split(),
)
def test_every_configuration_and_tokenizer_file_is_part_of_what_identifies_a_model(folder, name):
    before = model_revision(str(folder))
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(" ")
    changed = model_revision(str(folder))
    assert changed != before
    (folder / "training.json").write_text("{}", encoding="utf-8")  # how long it took, say
    assert model_revision(str(folder)) == changed


def with_ends(folder, ends) -> str:
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": ends}), encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(("ends", "more"), [(None, []), ([None, 7], [7]), (7, [7]), ([7, 8], [7, 8])])
def test_the_ends_that_a_generation_config_names(folder, tiny_lm, ends, more):
    found = load_language_model(with_ends(folder, ends), four_bit=False).end_token_ids
    assert found == {tiny_lm.tokenizer.eos_token_id, *more}


@pytest.mark.parametrize("ends", ["</s>", ["</s>"], 1.5, True])
def test_ends_that_are_no_tokens_are_refused_in_one_line(folder, ends):
    with pytest.raises(
        InputError, match="eos_token_id in its generation_config.json is .*; expected the num"
    ) as caught:
        load_language_model(with_ends(folder, ends), four_bit=False)
    assert str(folder) in one_line(caught)


def with_settings(folder, **settings):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | settings), encoding="utf-8")
    return str(folder)


def ending_each_text(folder):
    """The folder with a tokenizer that puts the end of sequence behind every text."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    end = (tokenizer.eos_token, tokenizer.eos_token_id)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{end[0]} $A {end[0]}", special_tokens=[end]
    )
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_tokenizer_that_ends_every_text_is_refused(folder):
    name = ending_each_text(folder)
    for use in (load_tokenizer, lambda name: load_language_model(name, four_bit=False)):
        with pytest.raises(InputError, match="its tokenizer puts '<s>' behind every text.*add_eos_token") as caught:
            use(name)
        assert name in one_line(caught)


def test_a_tokenizer_without_an_end_of_sequence_is_refused(folder):
    with pytest.raises(InputError, match="names no end of sequence; expected eos_token in tokenizer_config") as caught:
        load_tokenizer(with_settings(folder, eos_token=None))
    one_line(caught)


def with_a_token_beyond(folder, **names):
    """The folder with a tokenizer that has one token more than the model has embeddings."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens(names)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_padding_token_beyond_the_embedding_is_never_read(folder, tiny_lm):
    name = with_a_token_beyond(folder, pad_token="[PAD]")
    lm = load_language_model(name, four_bit=False)
    asked = [q for split in ("train", "id") for q in load_questions("mini", split, limit=3)]
    prompts = [q.question for q in asked]
    assert len({len(ids) for ids in lm.tokenizer(prompts)["input_ids"]}) > 1  # so that there is padding
    for ask in (answer_prompts, perplexities):
        assert ask(lm, prompts) == ask(tiny_lm, prompts)
    assert np.array_equal(hidden_states(lm, asked, 1), hidden_states(tiny_lm, asked, 1))


def test_other_tokens_beyond_the_embedding_are_refused_in_one_line(folder):
    name = with_a_token_beyond(folder, additional_special_tokens=["<tool>"])
    lm = load_language_model(name, four_bit=False)
    number = lm.tokenizer.convert_tokens_to_ids("<tool>")
    for ask in (answer_prompts, perplexities):
        with pytest.raises(InputError, match=f'"Use <tool>" holds the token {number}, but .* has {number} rows'):
            ask(lm, ["Use it", "Use <tool>"])
    with pytest.raises(InputError, match=f"the end of sequence.* holds the token {number + 1}, but .* {number} rows"):
        load_language_model(with_a_token_beyond(folder, eos_token="<end>"), four_bit=False)


def adapter_of(folder, out, **changes):
    """An adapter of a model like the folder's, but for some sizes."""
    config = AutoConfig.from_pretrained(folder)
    config.update(changes)
    saved = {"modules_to_save": ["embed_tokens", "lm_head"]} if "vocab_size" in changes else {}
    model = get_peft_model(
        AutoModelForCausalLM.from_config(config),
        LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM", **saved),
    )
    model.save_pretrained(out)
    return out


def test_an_adapter_that_fits_is_put_in_place(folder, tmp_path):
    adapter = adapter_of(folder, tmp_path / "adapter")
    for four_bit in (False, True):
        assert "lora" in repr(load_language_model(str(folder), adapter=adapter, four_bit=four_bit).model)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"vocab_size": 99}, r"size mismatch for .*embed_tokens.*\[99, 64\].*"),
        ({"hidden_size": 32}, "size mismatch for .*q_proj"),
        ({"num_hidden_layers": 3}, r"14 of its layers are in one of them only, such as .*layers\.2\."),
        ({"num_hidden_layers": 1}, r"7 of the model's layers are not in it, such as model\.layers\.1\."),
    ],
)
def test_an_adapter_that_does_not_fit_is_named_with_what_differs(folder, tmp_path, changes, difference):
    adapter = adapter_of(folder, tmp_path / "adapter", **changes)
    with pytest.raises(InputError, match=f"adapter .*adapter: does not fit model .*{difference}") as caught:
        load_language_model(str(folder), adapter=adapter, four_bit=False)
    assert str(adapter) in one_line(caught) and "parameter model" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "expectation"),
    [
        (None, b"", "no adapter_config.json in it, and no config.json"),
        ("adapter_config.json", b"{", "does not fit model"),
        ("adapter_config.json", b"[]", "does not fit model"),
        ("adapter_config.json", b'{"peft_type": "NONE"}', "does not fit model .*KeyError"),
        ("adapter_model.safetensors", b"cut", "does not fit model"),
        ("adapter_model.safetensors", None, "no adapter_model.safetensors in it; expected weights in safetensors"),
    ],
)
def test_a_missing_or_broken_adapter_is_named(folder, tmp_path, file, content, expectation):
    adapter = tmp_path / "adapter"
    if file is not None:
        adapter_of(folder, adapter)
        (adapter / file).unlink()
        if content is not None:
            (adapter / file).write_bytes(content)
    with pytest.raises(InputError, match=f"adapter {adapter}: {expectation}") as caught:
        load_language_model(str(folder), adapter=adapter, four_bit=False)
    one_line(caught)
