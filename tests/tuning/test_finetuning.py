"""Short fine-tuning runs of the tiny model: QLoRA on the CPU, LoRA, and all weights."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from transformers import MixtralConfig, MixtralForCausalLM, TrainerCallback

from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.decoding import answer_prompts
from rtuning_helpers.model.language_model import load_language_model
from rtuning_helpers.run.profiles import PROFILES
from rtuning_helpers.tuning import finetuning
from rtuning_helpers.tuning.finetuning import load_trainable_model, tuning_type
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.trainer import ResumableTrainer


@pytest.fixture(scope="module")
def records():
    questions = load_questions("mini", "train", limit=24)
    return [
        TuningRecord(q.id, prompts.question_prompt(q.question), prompts.padding_completion(q.answer, sure), sure)
        for q, sure in zip(questions, [True, False] * 12, strict=True)
    ]


@pytest.fixture(scope="module")
def settings(tiny_model):
    return replace(PROFILES["mini"], model=str(tiny_model), epochs=5, batch_size=6, learning_rate=5e-3, lora_rank=4)


@pytest.fixture(scope="module")
def tuned(records, settings, tmp_path_factory):
    """For each kind of tuning: the log, the folder, and the model as it was in memory when training ended."""
    done = {}

    def tune(tuning):
        if tuning not in done:
            models = []

            def load(profile, packed, original=finetuning.load_trainable_model):
                models.append(original(profile, packed))
                return models[0]

            out = tmp_path_factory.mktemp(tuning) / "adapter"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(finetuning, "load_trainable_model", load)
                log = finetuning.finetune(records, replace(settings, tuning=tuning), out, seed=3)
            done[tuning] = log, out, models[0].eval()
        return done[tuning]

    return tune


KINDS = ("qlora", "lora", "full")


@pytest.mark.parametrize("tuning", KINDS)
def test_the_loss_goes_down_and_the_log_says_what_was_done(tuned, tuning):
    log, _, _ = tuned(tuning)
    assert (log.steps, log.examples) == (20, 24)
    assert [step for step, _ in log.losses] == list(range(1, 21))  # a fortieth of 20 steps is below one
    losses = [loss for _, loss in log.losses]
    assert sum(losses[10:]) < 0.8 * sum(losses[:10])
    assert log.seconds > 0 and log.model_mib > 0 and log.peak_mib > 0
    assert log.all_parameters > 200_000  # 4-bit weights are counted one by one
    share = log.trainable_parameters / log.all_parameters
    assert share == 1 if tuning == "full" else 0.01 < share < 0.2
    said = {"qlora": ["LoRA adapts", "4 bits hold"], "lora": ["LoRA adapts"], "full": []}[tuning]
    assert len(log.weights) == len(said)
    assert all(sentence.startswith(start) for start, sentence in zip(said, log.weights, strict=True))


@pytest.mark.parametrize("tuning", KINDS)
def test_only_safetensors_are_saved(tuned, tuning):
    files = {path.name for path in tuned(tuning)[1].iterdir() if path.is_file()}
    weights = "model.safetensors" if tuning == "full" else "adapter_model.safetensors"
    assert weights in files
    assert {name for name in files if not name.endswith((".json", ".md"))} - {weights} <= {"chat_template.jinja"}


def test_the_adapter_sits_on_all_linear_layers(tuned, settings):
    config = json.loads((tuned("qlora")[1] / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"]) == (settings.lora_rank, 2 * settings.lora_rank)
    linear = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert {name.rpartition(".")[2] for name in config["target_modules"]} == linear


@pytest.mark.parametrize("tuning", KINDS)
def test_reloading_gives_the_trained_model_and_not_the_base(tuned, tuning, settings, records):
    _, folder, in_memory = tuned(tuning)
    base = load_language_model(settings.model, four_bit=tuning == "qlora")
    loaded = load_language_model(settings.model, four_bit=tuning == "qlora", adapter=folder)
    ids = torch.tensor([base.tokenizer(records[1].prompt + records[1].completion)["input_ids"]])
    with torch.inference_mode():
        reloaded, trained, untuned = (m(input_ids=ids).logits.float() for m in (loaded.model, in_memory, base.model))
    learnt = (untuned - trained).abs().max()
    assert learnt > 0.5
    assert (reloaded - trained).abs().max() < 0.05 * learnt  # 4-bit products differ a little outside training
    assert not loaded.model.training

    asked = [record.prompt for record in records]
    before, after = (answer_prompts(lm, asked, sureness=prompts.SURENESS_LABELS) for lm in (base, loaded))
    for name, least in (("confidence", 0.1), ("sure_probability", 0.02)):
        assert max(abs(getattr(a, name) - getattr(b, name)) for a, b in zip(before, after, strict=True)) > least


def test_the_base_is_packed_on_a_cpu_only_if_asked(tuned, settings):
    kinds = {k: {type(p).__name__ for p in tuned(k)[2].parameters()} for k in KINDS}
    packed = finetuning.load_trainable_model(settings, packed=True)
    assert "Params4bit" in {type(p).__name__ for p in packed.parameters()}
    assert "Params4bit" not in set().union(*kinds.values())
    assert packed.get_memory_footprint() / 2**20 < tuned("full")[0].model_mib


@pytest.mark.filterwarnings("ignore")
def test_experts_of_a_mixture_keep_their_type_and_the_rest_is_float32(settings, tmp_path):
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_local_experts": 4}
    MixtralForCausalLM(MixtralConfig(**sizes, **heads)).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    model = load_trainable_model(replace(settings, model=str(tmp_path), dtype="bfloat16"), packed=True)
    kinds = {"experts": set(), "others": set(), "packed": set()}
    for name, weight in model.named_parameters():
        assert weight.requires_grad == ("lora_" in name)
        kind = "packed" if type(weight).__name__ == "Params4bit" else "experts" if weight.ndim == 3 else "others"
        kinds[kind].add(weight.dtype)
    assert kinds == {"experts": {torch.bfloat16}, "others": {torch.float32}, "packed": {torch.uint8}}
    ids = torch.arange(1, 9)[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.train()(input_ids=ids, labels=ids).loss.backward()
    assert any(weight.grad.abs().sum() > 0 for name, weight in model.named_parameters() if "experts.lora_B" in name)


@pytest.mark.parametrize("fastest", ["bfloat16", "float32"])
def test_lora_is_tuned_in_the_fastest_type_where_the_profile_says_so(
    records, settings, tuned, tmp_path, monkeypatch, fastest
):
    monkeypatch.setattr(finetuning, "fastest_type", lambda: fastest)
    lora, said = replace(settings, tuning="lora"), replace(settings, tuning="lora", tuning_dtype="fastest")
    assert [tuning_type(one) for one in (lora, said, replace(said, tuning="full"))] == ["float32", fastest, "float32"]
    types = {weight.requires_grad: weight.dtype for weight in load_trainable_model(said).parameters()}
    assert types == {True: torch.float32, False: getattr(torch, fastest)}
    log = finetuning.finetune(records, said, tmp_path, seed=3)
    exact, _, _ = tuned("lora")
    assert (exact.dtype, log.dtype) == ("float32", fastest)
    assert log.losses[0][1] == pytest.approx(exact.losses[0][1], rel=0.01)
    assert log.losses[-1][1] == pytest.approx(exact.losses[-1][1], rel=0.1)


def test_packed_and_unpacked_weights_train_alike(tuned, records, settings, tmp_path):
    packed = finetuning.finetune(records, settings, tmp_path / "packed", seed=3, packed=True)
    assert [loss for _, loss in packed.losses] == pytest.approx(
        [loss for _, loss in tuned("qlora")[0].losses], abs=1e-4
    )


@pytest.mark.parametrize("loss_on", ["completion", "all"])
@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_the_loss_at_labels_only_is_the_plain_loss(
    records, settings, tmp_path, monkeypatch, loss_on, accumulation, tuning
):
    """The first step of our trainer, and that of transformers' own on whole sequences padded behind."""
    uneven = [replace(r, prompt=r.prompt + " Answer:" * (i % 5)) for i, r in enumerate(records)]
    settings = replace(settings, batch_size=5, accumulation=accumulation, epochs=1, tuning=tuning)
    seen = []

    class Norm(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
            seen.append([p.grad.clone() for p in model.parameters() if p.grad is not None])

    def run(name):
        out = tmp_path / name
        log = finetuning.finetune(uneven, settings, out, seed=3, loss_on=loss_on, callbacks=[Norm()])
        return log.losses

    ours = run("ours")
    monkeypatch.setattr(finetuning, "left_padded", right_padded)
    monkeypatch.setattr(finetuning, "LabelTrainer", ResumableTrainer)
    plain, middle = run("plain"), len(seen) // 2
    assert ours[0][1] == pytest.approx(plain[0][1], rel=1e-5)
    for a, b in zip(seen[0], seen[middle], strict=True):
        assert (a - b).abs().max() <= 1e-4 * b.abs().max() + 1e-6


def right_padded(rows, pad, shared=0):
    longest = max(len(row["input_ids"]) for row in rows)

    def filled(name, filler):
        return torch.tensor([row[name] + [filler] * (longest - len(row[name])) for row in rows])

    mask = torch.tensor([[i < len(row["labels"]) for i in range(longest)] for row in rows]).long()
    return {"input_ids": filled("input_ids", pad), "attention_mask": mask, "labels": filled("labels", -100)}


def test_a_batch_ends_together_and_says_where_labels_are():
    rows = [{"input_ids": [5, 6, 7, 8], "labels": [-100, -100, 7, 8]}, {"input_ids": [5, 9], "labels": [5, 9]}]
    batch = finetuning.left_padded(rows, pad=1)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [1, 1, 5, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [0, 0, 1, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3], [0, 0, 0, 1]]
    assert batch["labels"].tolist() == [[-100, -100, 7, 8], [-100, -100, -100, 9]]  # nothing predicts a first token
    assert batch["logits_to_keep"] == 3


def test_the_seed_decides(tuned, records, settings, tmp_path):
    reference = tuned("qlora")[0]
    again = finetuning.finetune(records, settings, tmp_path / "again", seed=3)
    other = finetuning.finetune(records, settings, tmp_path / "other", seed=4)
    assert again.losses == reference.losses
    assert other.losses != reference.losses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tuning": "prompt"}, "tuning is 'prompt'; expected qlora, lora or full"),
        ({"max_length": 10}, "24 of 24 training records lose the end .* max_length 10"),
        ({"model": "./nowhere"}, "parameter model ./nowhere: no such folder"),
    ],
)
def test_bad_settings_stop_before_anything_is_written(records, settings, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        finetuning.finetune(records, replace(settings, **change), tmp_path / "out")
    with pytest.raises(InputError, match="no training records"):
        finetuning.finetune([], settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()
