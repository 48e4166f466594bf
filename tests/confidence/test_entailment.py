"""A classifier becomes a sense of "same meaning": both directions, and bad models are named."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from rtuning_helpers.confidence.entailment import load_same_meaning
from rtuning_helpers.confidence.meaning import meaning_clusters
from rtuning_helpers.errors import InputError
from rtuning_helpers.miniworld.tokenizer import build_tokenizer


@pytest.fixture
def save(tmp_path):
    """A classifier that gives its first label, whatever it is asked, saved as a folder."""

    def write(labels):
        tokenizer = build_tokenizer(["Who wrote it? Ann Bob"])
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1,
            num_labels=len(labels), id2label=dict(enumerate(labels)), pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        model = LlamaForSequenceClassification(config)
        torch.nn.init.zeros_(model.score.weight)  # all labels score 0, so that the first one is given
        model.save_pretrained(tmp_path / "nli")
        tokenizer.save_pretrained(tmp_path / "nli")
        return str(tmp_path / "nli")

    return write


def test_entailment_both_ways_is_the_same_meaning(save):
    same = load_same_meaning(save(["ENTAILMENT", "neutral", "contradiction"]))
    assert same("Who?", "Ann", "Bob")
    assert meaning_clusters("Who?", ["Ann", "Bob", "Ann"], same) == [0, 0, 0]


def test_no_entailment_is_no_same_meaning(save):
    same = load_same_meaning(save(["contradiction", "entailment"]))
    assert not same("Who?", "Ann", "Bob")
    assert meaning_clusters("Who?", ["Ann", "Bob", "Ann"], same) == [0, 1, 0]


def test_both_directions_are_asked(save, monkeypatch):
    folder = save(["entailment", "neutral"])
    asked = []
    forward = LlamaForSequenceClassification.forward

    def one_way(self, input_ids=None, **rest):
        asked.append(input_ids.tolist())
        result = forward(self, input_ids=input_ids, **rest)
        result.logits = torch.tensor([[1.0, 0.0]] if len(asked) % 2 else [[0.0, 1.0]])
        return result

    monkeypatch.setattr(LlamaForSequenceClassification, "forward", one_way)
    same = load_same_meaning(folder)
    assert not same("Who?", "Ann", "Bob")  # the first direction holds, the second does not
    assert len(asked) == 2
    assert asked[0] != asked[1]
    assert not same("Who?", "Ann", "Bob")
    assert len(asked) == 2  # remembered


def test_bad_models_are_named(save, tmp_path):
    with pytest.raises(InputError, match="its labels are yes, no; expected one called entailment"):
        load_same_meaning(save(["yes", "no"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: the model of entailment cannot be loaded"):
        load_same_meaning(str(tmp_path / "empty"))
