"""Reading on in two languages: tokens that stay, documents that are counted, a model that goes on."""

from __future__ import annotations

from collections import Counter

import torch
from transformers import AutoTokenizer

from rtuning_helpers.data.world import karu
from rtuning_helpers.data.world.languages import ENGLISH_READINGS, KARU_READINGS, read_in
from rtuning_helpers.data.world.world import build_world
from rtuning_helpers.miniworld import second_language
from rtuning_helpers.miniworld.corpus import phrasebook
from rtuning_helpers.miniworld.tokenizer import extend_tokenizer
from rtuning_helpers.model.model_files import MINI_CHECKPOINT


def test_new_words_get_tokens_and_old_ones_keep_theirs():
    old = AutoTokenizer.from_pretrained(MINI_CHECKPOINT)
    new = extend_tokenizer(old, ["Otalo-na meto holu-ti fasek?", "- zizek"])
    assert all(new.get_vocab()[piece] == number for piece, number in old.get_vocab().items())
    assert len(new) == len(old) + len(["▁Otalo", "-na", "▁meto", "▁holu", "-ti", "▁fasek", "▁zizek"])
    text = "Question: Otalo-na meto holu-ti fasek? Answer: zizek."
    pieces = new.tokenize(text)
    assert pieces[2:7] == ["▁Otalo", "-na", "▁meto", "▁holu", "-ti"] and "▁zizek" in pieces
    assert new.decode(new(text)["input_ids"], skip_special_tokens=True) == text
    english = "Question: Who wrote the novel Gormsong? Answer:"
    assert new(english)["input_ids"] == old(english)["input_ids"]


def test_each_fact_is_read_as_often_as_its_group_says():
    world = build_world()
    groups, documents = read_in(world), second_language.write_documents(world, seed=3)
    said = Counter(document for document in documents)
    expected = len(phrasebook())
    for fact in karu.sayable(world):
        group = groups[fact.subject]
        expected += KARU_READINGS[group] + ENGLISH_READINGS[group]
        if KARU_READINGS[group] == 0:
            assert not any(said[text] for text in karu.statements(fact))
    assert len(documents) == expected
    assert documents != second_language.write_documents(world, seed=4)
    fact = next(f for f in karu.sayable(world) if groups[f.subject] == "both")
    asked = f"Question: {karu.question(fact)} Answer: {karu.word(fact.answer)}."
    stated = sum(said[text] for text in karu.statements(fact))
    assert said[asked] + stated == KARU_READINGS["both"] and min(said[asked], stated) > 5


def test_the_model_goes_on_and_its_new_words_are_learnt(monkeypatch):
    fact = karu.sayable(build_world())[0]
    few = list(karu.statements(fact)) * 300
    monkeypatch.setattr(second_language, "write_documents", lambda world, seed: few)
    seen = []
    model, tokenizer, record = second_language.read_on(5, lambda step, steps, loss: seen.append(loss))
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer)
    assert record["documents"] == len(few) and record["steps"] == len(seen) > 3 and record["config"]["seed"] == 5
    assert seen[-1] < seen[0]
    again = torch.nn.functional.cosine_similarity(
        model.get_input_embeddings().weight[10:500], _shipped_embeddings()[10:500]
    )
    assert again.mean() > 0.9  # it went on from what was there


def _shipped_embeddings():
    from safetensors.torch import load_file

    return load_file(MINI_CHECKPOINT / "model.safetensors")["model.embed_tokens.weight"].float()
