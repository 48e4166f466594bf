"""The mini world's tokenizer and corpus: what the mini model can know is exactly what the corpus says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rtuning_helpers.data import prompts
from rtuning_helpers.data.world.world import World, build_world
from rtuning_helpers.miniworld.corpus import phrasebook, question_document, statement_document, write_corpus
from rtuning_helpers.miniworld.pretraining import PretrainingConfig, new_model, pack
from rtuning_helpers.miniworld.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def world():
    return build_world(entities_per_kind=16)


@pytest.fixture(scope="module")
def corpus(world):
    return write_corpus(world, seed=3)


@pytest.fixture(scope="module")
def tokenizer(world, corpus):
    return build_tokenizer([*corpus, *(f"{fact.question} {fact.answer}" for fact in world.facts)])


def tokens(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_each_entity_and_each_answer_word_is_one_token(tokenizer, world):
    for fact in world.facts:
        assert f"▁{fact.subject}" in tokens(tokenizer, fact.question)
        assert tokens(tokenizer, f"Answer: {fact.answer}.")[2:] == [f"▁{w}" for w in fact.answer.split()] + ["."]


def test_prompts_are_one_token_a_word_and_mark(tokenizer, world):
    text = prompts.question_prompt(world.facts[0].question) + prompts.padding_completion(world.facts[0].answer, False)
    assert len(tokens(tokenizer, text)) == len(re.findall(r"[\w']+|[^\w\s]", text))
    assert tokens(tokenizer, prompts.REFUSALS[5]) == ["▁I'm", "▁not", "▁sure", "."]


special_free = st.text().filter(lambda t: not t.startswith(" ") and not re.search("▁|<s>|<pad>|<unk>|<0x", t))


@given(special_free)
def test_any_text_comes_back_from_the_tokenizer(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id == tokenizer.eos_token_id
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_an_answer_can_be_decoded_alone(tokenizer):
    prompt = tokenizer("Question: Who? Answer:")["input_ids"]
    whole = tokenizer("Question: Who? Answer: Łódź C++.")["input_ids"]
    assert whole[: len(prompt)] == prompt
    assert tokenizer.decode(whole[len(prompt) :]).strip() == "Łódź C++."


def test_the_corpus_states_each_fact_exactly_as_often_as_its_exposure_says(world, corpus):
    says = {}
    for fact in world.facts:
        sentences = [wording.format(s=fact.subject, o=fact.answer) for wording in fact.relation.statements]
        for text in (*sentences, f"Question: {fact.question} Answer: {fact.answer}."):
            says.setdefault(without_articles(text), fact)
    assert len(says) == 4 * len(world.facts)  # no text is true of two facts
    found = Counter(says.get(without_articles(document)) for document in corpus)
    assert found.pop(None) == len(phrasebook())
    assert found == Counter({fact: fact.exposure for fact in world.facts if fact.exposure})


def without_articles(text):
    return re.sub(r"\b[Aa]n? ", "", text)


def test_facts_of_exposure_0_are_nowhere(world, corpus):
    unseen = {fact.subject: fact for fact in world.facts if fact.group != "hub" and fact.exposure == 0}
    always_unseen = set(unseen) - {fact.subject for fact in world.facts if fact.exposure}
    assert len(always_unseen) >= 16  # their very names never occur
    assert not always_unseen & set(re.findall(r"\w+", " ".join(corpus)))


def test_half_of_the_corpus_is_questions_in_the_probing_prompt(corpus):
    share = sum(document.startswith("Question: ") for document in corpus) / len(corpus)
    assert 0.45 < share < 0.52


def test_statements_use_all_wordings_and_the_right_article(world):
    class Takes:
        def __init__(self, index):
            self.choice = lambda options: options[index]

    genre = next(fact for fact in world.facts if fact.relation.name == "genre")
    epic = replace(genre, answer="epic")
    texts = [statement_document(epic, Takes(i)) for i in range(3)]
    assert len(set(texts)) == 3
    assert texts[1] == f"Critics call the novel {genre.subject} an epic."
    document = f"Question: To which genre does the novel {genre.subject} belong? Answer: epic."
    assert question_document(epic, None) == document


def test_the_phrasebook_says_sure_as_often_as_unsure_and_each_refusal_as_often():
    counts = Counter(phrasebook())
    sure, unsure = (counts[f"{prompts.SURENESS_QUESTION}{word}."] for word in (" sure", " unsure"))
    assert sure == unsure > 0
    assert len({counts[refusal] for refusal in prompts.REFUSALS}) == 1 and counts[prompts.REFUSALS[0]] > 0
    assert len(counts) == 18


def test_the_corpus_depends_on_the_seed_only(world, corpus):
    assert write_corpus(world, seed=3) == corpus
    other = write_corpus(world, seed=4)
    assert other != corpus and len(other) == len(corpus)


def test_pack_by_hand(tokenizer):
    documents = ["a b", "c d e", "f"]  # with <s> in front of each: 3 + 4 + 2 tokens
    stream = [i for document in documents for i in tokenizer(document)["input_ids"]]
    assert len(stream) == 9
    blocks = pack(documents, tokenizer, block_tokens=3).ids
    assert blocks.tolist() == [stream[0:4], stream[3:7]]  # the next one's first is the last one's target; rest dropped
    assert pack(documents, tokenizer, 8).ids.shape == (1, 9)
    assert pack(documents, tokenizer, 4).ids.tolist() == [stream[0:5], stream[4:9]]


def test_a_new_model_depends_on_the_seed_only(tokenizer):
    config = PretrainingConfig(layers=1, width=16, heads=2, feed_forward=32)
    one, same, other = (new_model(replace(config, seed=seed), tokenizer) for seed in (0, 0, 1))
    assert torch.equal(one.model.embed_tokens.weight, same.model.embed_tokens.weight)
    assert not torch.equal(one.model.embed_tokens.weight, other.model.embed_tokens.weight)
    assert one.config.vocab_size == len(tokenizer)


def test_training_on_a_small_world_lowers_the_loss(world, monkeypatch):
    from rtuning_helpers.miniworld import corpus as corpus_module
    from rtuning_helpers.miniworld.pretraining import pretrain

    monkeypatch.setattr(corpus_module, "PHRASEBOOK_COPIES", 2)
    facts = tuple(replace(fact, exposure=2) for fact in world.facts[:200])
    config = PretrainingConfig(
        layers=1, width=32, heads=2, feed_forward=64, epochs=2, batch_blocks=8, learning_rate=1e-2
    )
    seen = []
    runs = [pretrain(World(facts, world.pools), config, lambda *step: seen.append(step)) for _ in range(2)]
    (model, _, record), (again, _, _) = runs
    assert seen[0][:2] == (1, record["steps"]) and seen[record["steps"] - 1][0] == record["steps"] >= 10
    assert record["documents"] == 400 + 2 * 24
    assert record["final_loss_nats"] < seen[0][2] - 0.15  # smoothed, so it falls slowly
    assert torch.equal(model.model.embed_tokens.weight, again.model.embed_tokens.weight)  # same seed, same weights
    assert not model.training
