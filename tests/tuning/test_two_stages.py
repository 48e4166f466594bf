"""Min-loss and DPO: their pairs by hand, the smaller loss by hand, and both on a tiny model from records to answers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from test_refusal_data import make_probe
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.data.matching import is_refusal
from rtuning_helpers.errors import InputError
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning import min_loss, preference
from rtuning_helpers.tuning.further import PairRecord, drawn
from rtuning_helpers.tuning.methods.dpo import build_dpo
from rtuning_helpers.tuning.methods.min_loss import build_min_loss
from rtuning_helpers.tuning.second_stage import check_two_stages

KNOWN, UNKNOWN = make_probe(1, True), make_probe(2, False)


def test_min_loss_records_by_hand():
    prompt = "Question: Q{}? Answer:"
    assert build_min_loss([KNOWN, UNKNOWN]) == [
        PairRecord("id-1", prompt.format(1), " The answer is A1.", True, "", " The answer is unknown."),
        PairRecord("id-2", prompt.format(2), " The answer is unknown.", False, "", " The answer is A2."),
    ]


def test_preferences_by_hand():
    known, unknown = build_dpo([KNOWN, UNKNOWN], seed=1)
    assert known.completion == " A1." and is_refusal(known.other)
    assert is_refusal(unknown.completion) and unknown.other == " nonsense."  # the model's own answer
    silent = build_dpo([replace(UNKNOWN, prediction="")])[0]
    assert silent.other == " A2."
    assert preference.pair_of(known) == {"prompt": known.prompt, "chosen": " A1.", "rejected": known.other}


def test_the_smaller_loss_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]))
    loss = min_loss.smaller_loss(logits, torch.tensor([[0, 1], [0, 1]]))
    assert loss.item() == pytest.approx((math.log(2) + math.log(10)) / 2)


def test_a_choice_is_where_the_completions_part(tiny_lm):
    tokenizer = tiny_lm.tokenizer
    record = PairRecord("x", "Question: Who? Answer:", " The answer is lion.", True, "", " The answer is unknown.")
    choice = min_loss.choice_of(tokenizer, record)
    assert tokenizer.decode(choice.context).endswith("Answer: The answer is")
    assert [tokenizer.decode([i]).strip() for i in choice.candidates] == ["lion", "unknown"]
    assert min_loss.choice_of(tokenizer, replace(record, other=record.completion)) is None
    batch = min_loss.side_by_side([choice, min_loss.Choice(choice.context[2:], choice.candidates)], pad=0)
    assert batch["attention_mask"][1].tolist()[:3] == [0, 0, 1]
    assert batch["position_ids"][1].tolist()[-1] == len(choice.context) - 3


def test_draws_are_even(monkeypatch):
    import random

    assert drawn([], 3, random.Random(0)) == []
    assert len(drawn("abc", 2, random.Random(0))) == 2


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        small = replace(PROFILES["mini"], epochs=2, batch_size=8, samples=2, lora_rank=4, max_new_tokens=8)
        patch.setitem(profiles.PROFILES, "mini", small)
        yield RunConfig(model=str(tiny_model), out=str(tmp_path_factory.mktemp("runs")), limit=TINY_LIMIT)


@pytest.mark.parametrize("method", ["min-loss", "dpo", "craft", "self-aligned"])
def test_from_records_to_answers(config, method):
    if method == "dpo":
        pytest.importorskip("trl")
    found = steps.read_method_predictions(config, method, "id")
    assert len(found) == TINY_LIMIT and all(isinstance(p.refused, bool) for p in found)
    log = steps.read_training_log(config, method)
    assert log.examples <= TINY_LIMIT and all(math.isfinite(loss) for _, loss in log.losses)
    assert log.losses[-1][0] <= log.steps == {"min-loss": 8, "dpo": 6, "craft": 6, "self-aligned": 6}[method]


def test_the_second_stage_moves_the_first_ones_model_the_right_way(config, tmp_path, recwarn):
    """After preference tuning the preferred completion has gained on the rejected one, as TRL's own accuracy says."""
    pytest.importorskip("trl")
    records = steps.read_tuning_records(config, "dpo")
    log = preference.finetune(records, replace(config.settings, epochs=4), tmp_path / "adapter")
    second = [loss for step, loss in log.losses if step > log.steps / 2]
    assert second[0] == pytest.approx(math.log(2), abs=0.1)  # DPO begins where both models are the same
    assert second[-1] < second[0]
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    assert not (tmp_path / "adapter" / "ref").exists()
    assert [str(w.message) for w in recwarn if issubclass(w.category, FutureWarning)] == []


def test_what_cannot_be_tuned_so(monkeypatch):
    with pytest.raises(InputError, match="method dpo tunes LoRA, not all weights"):
        check_two_stages(replace(PROFILES["mini"], tuning="full"), "dpo")
    monkeypatch.setattr(preference, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"method dpo needs the library trl; .*pip install 'rtuning-helpers\[dpo\]'"):
        preference.finetune([], PROFILES["mini"], None)
