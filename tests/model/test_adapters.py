"""An adapter that the user brings is part of the pretrained model: beside its weights, or merged into them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from rtuning_helpers.app.cli import main
from rtuning_helpers.app.model_report import check_adapter
from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.language_model import LanguageModel, load_language_model
from rtuning_helpers.model.model_files import model_location, model_revision
from rtuning_helpers.model.model_names import NamedModel, parse_model
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.run.known_exposures import EXPOSURES, with_exposures
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning.finetuning import finetune, load_trainable_model
from rtuning_helpers.tuning.refusal_data import TuningRecord

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RTUNING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def adapter_for(folder, out, seed=1, sizes=None, **settings):
    """An adapter that changes what the model says."""
    torch.manual_seed(seed)
    config = AutoConfig.from_pretrained(folder)
    config.update(sizes or {})
    lora = LoraConfig(**{"r": 2, "target_modules": ["q_proj", "up_proj"], "task_type": "CAUSAL_LM"} | settings)
    model = get_peft_model(AutoModelForCausalLM.from_config(config), lora)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(out)
    return out


@pytest.fixture
def brought(tiny_model, tmp_path):
    return adapter_for(tiny_model, tmp_path / "brought")


def logits(lm):
    model = lm.model if isinstance(lm, LanguageModel) else lm
    with torch.inference_mode():
        return model(torch.arange(2, 42).reshape(4, 10)).logits


def differ(one, other):
    return float((one - other).abs().max() / other.abs().max())


def test_a_name_says_which_adapter_and_how():
    assert parse_model("owner/model") == NamedModel("owner/model")
    for name in ("mini+adapter=/a/b", "pypi:x+merged=/c+d/e"):
        assert str(parse_model(name)) == name
    assert parse_model("m.gguf+merged=x").merged and not parse_model("m.gguf+adapter=x").merged


def test_beside_the_weights_and_merged_into_them_it_says_the_same(tiny_model, brought, cache):
    ways = ("", f"+adapter={brought}", f"+merged={brought}")
    plain, beside, merged = (load_language_model(f"{tiny_model}{way}", four_bit=False) for way in ways)
    assert differ(logits(beside), logits(plain)) > 0.05
    assert differ(logits(merged), logits(beside)) < 1e-5
    assert "lora" in repr(beside.model) and "lora" not in repr(merged.model)
    (folder,) = cache.iterdir()
    assert model_location(merged.name) == str(folder) and folder.name.startswith("merged-")
    assert model_location(beside.name) == str(tiny_model)
    assert len({plain.revision, beside.revision, merged.revision}) == 3


def test_merged_weights_are_rounded_to_4_bits_with_the_adapter_in_them(tiny_model, brought):
    exact, rounded = (load_language_model(f"{tiny_model}+merged={brought}", four_bit=flag) for flag in (False, True))
    assert 0 < differ(logits(rounded), logits(exact)) < 0.5


def test_another_adapter_is_another_model(tiny_model, brought, tmp_path, cache):
    for seed, how in enumerate(("adapter", "merged"), start=5):
        name = f"{tiny_model}+{how}={brought}"
        before = model_revision(name), model_location(name)
        adapter_for(tiny_model, brought, seed=seed)
        assert model_revision(name) != before[0]
        assert (model_location(name) != before[1]) == (how == "merged")
    copied = shutil.copytree(brought, tmp_path / "copy")
    assert model_revision(f"{tiny_model}+adapter={copied}") == model_revision(f"{tiny_model}+adapter={brought}")


@pytest.fixture
def records():
    asked = load_questions("mini", "train", limit=12)
    return [TuningRecord(q.id, prompts.question_prompt(q.question), f" {q.answer}.", True) for q in asked]


@pytest.mark.parametrize("tuning", ["qlora", "lora", "full"])
def test_tuning_goes_on_top_and_leaves_what_was_brought(tiny_model, brought, records, tmp_path, tuning):
    name = f"{tiny_model}+adapter={brought}"
    schedule = {"epochs": 4, "batch_size": 6, "learning_rate": 5e-4 if tuning == "full" else 4e-3}
    settings = replace(PROFILES["mini"], model=name, tuning=tuning, lora_rank=2, **schedule)
    start = load_trainable_model(settings).eval()
    untuned = load_language_model(name, four_bit=settings.four_bit)
    assert differ(logits(start), logits(untuned)) < 1e-5
    trained = {key for key, weight in start.named_parameters() if weight.requires_grad}
    assert trained and all(".default." in key for key in trained) == (tuning != "full")
    content = (brought / "adapter_model.safetensors").read_bytes()
    log = finetune(records, settings, tmp_path / "tuned", seed=1)
    assert log.losses[-1][1] < log.losses[0][1]
    assert log.trainable_parameters == sum(w.numel() for w in start.parameters() if w.requires_grad)
    assert (brought / "adapter_model.safetensors").read_bytes() == content
    assert not any(path.is_dir() for path in (tmp_path / "tuned").iterdir())
    tuned = load_language_model(name, four_bit=settings.four_bit, adapter=tmp_path / "tuned")
    assert differ(logits(tuned), logits(untuned)) > 0.01
    ids = [tuned.tokenizer(r.prompt + r.completion)["input_ids"] for r in records]

    def loss(lm):
        with torch.inference_mode():
            return sum(float(lm.model(torch.tensor([row]), labels=torch.tensor([row])).loss) for row in ids)

    assert loss(tuned) < loss(untuned)


@pytest.mark.parametrize(
    ("settings", "expectation"),
    [
        ({"sizes": {"num_hidden_layers": 3}}, "does not fit model .* layers are in one of them only"),
        ({"sizes": {"hidden_size": 32}}, "does not fit model .*size mismatch"),
        ({"target_modules": ["lm_head"], "modules_to_save": ["norm"]}, r"has modules_to_save \(norm\), beside which"),
    ],
)
def test_an_adapter_that_cannot_be_put_beside_is_one_line_before_anything_starts(
    settings, expectation, tiny_model, tmp_path, capsys
):
    adapter = adapter_for(tiny_model, tmp_path / "other", **settings)
    with pytest.raises(InputError, match=f"adapter {adapter}: {expectation}") as caught:
        check_adapter(RunConfig(model=f"{tiny_model}+adapter={adapter}"))
    assert "\n" not in str(caught.value)
    command = ["run", "--model", str(tiny_model), "--adapter", str(adapter), "--out", str(tmp_path / "out")]
    assert main([*command, "--limit", "4"]) == 2
    assert capsys.readouterr().err.startswith(f"rtuning: error: adapter {adapter}: ")


@pytest.mark.parametrize("sizes", [{"num_hidden_layers": 3}, {"hidden_size": 32}])
def test_an_adapter_of_another_model_is_not_merged(sizes, tiny_model, tmp_path, cache):
    adapter = adapter_for(tiny_model, tmp_path / "other", sizes=sizes)
    with pytest.raises(InputError, match=f"adapter {adapter}: does not fit model"):
        model_location(f"{tiny_model}+merged={adapter}")
    assert os.listdir(cache) == []


@pytest.mark.parametrize("how", ["adapter", "merged"])
@pytest.mark.parametrize(
    ("file", "content", "expectation"),
    [
        (None, None, "no such folder"),
        ("adapter_config.json", None, "no adapter_config.json in it"),
        ("adapter_model.safetensors", None, "no adapter_model.safetensors in it"),
        ("adapter_config.json", b"[]", ""),
        ("adapter_model.safetensors", b"cut", "does not fit model"),
    ],
)
def test_a_broken_adapter_is_one_line(how, file, content, expectation, tiny_model, brought):
    if file is None:
        shutil.rmtree(brought)
    elif content is None:
        (brought / file).unlink()
    else:
        (brought / file).write_bytes(content)
    with pytest.raises(InputError, match=f"adapter {brought}: {expectation}") as caught:
        load_language_model(f"{tiny_model}+{how}={brought}")
    assert "\n" not in str(caught.value)


def test_an_adapter_of_another_kind_is_named(tiny_model, brought):
    settings = json.loads((brought / "adapter_config.json").read_text())
    (brought / "adapter_config.json").write_text(json.dumps(settings | {"peft_type": "IA3"}))
    with pytest.raises(InputError, match="is of the kind IA3; expected LORA"):
        check_adapter(RunConfig(model=f"{tiny_model}+adapter={brought}"))


def test_what_the_model_has_read_is_known_with_an_adapter_as_well(tiny_model, brought, tmp_path):
    folder = shutil.copytree(tiny_model, tmp_path / "read")
    question, _ = load_questions("mini", "id", limit=2)
    row = {"question": question.question, "answer": question.answer, "exposure": 77}
    (folder / EXPOSURES).write_text(json.dumps(row) + "\n")
    assert with_exposures([question], f"{folder}+adapter={brought}")[0].exposure == 77


def test_runs_with_an_adapter_have_folders_of_their_own():
    long = f"/home/{'x' * 100}/adapter"
    names = ("mini", f"mini+adapter={long}", f"mini+merged={long}", f"other+adapter={long}", "mini+adapter=/another")
    assert len({results_folder(RunConfig(model=name)) for name in names}) == len(names)


def test_merging_needs_an_adapter(capsys):
    assert main(["run", "--merge-adapter"]) == 2
    assert "--merge-adapter: there is none; expected --adapter DIR with it" in capsys.readouterr().err
