"""The mini model reads on: some facts of its world in a second language, Karu, and a little English beside them.

It starts from the checkpoint that ships with the kit, which knows English only. So a fact's four groups
(`data.world.languages.READ_IN`) are known by construction: what it has read of it in English, and what in Karu.
"""

import random
from collections.abc import Iterator

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from rtuning_helpers.data import prompts
from rtuning_helpers.data.world import karu
from rtuning_helpers.data.world.languages import ENGLISH_READINGS, KARU_READINGS, read_in
from rtuning_helpers.data.world.world import Fact, World, build_world
from rtuning_helpers.miniworld.corpus import FORMATS, phrasebook
from rtuning_helpers.miniworld.pretraining import OnStep, PretrainingConfig, train_on
from rtuning_helpers.miniworld.tokenizer import extend_tokenizer
from rtuning_helpers.model.model_files import MINI_CHECKPOINT

LEARNING_RATE = 1e-3


def karu_document(fact: Fact, rng: random.Random) -> str:
    """The fact as question and answer in the prompt that probing uses, or as a sentence; equally often."""
    if rng.random() < 0.5:
        return prompts.question_prompt(karu.question(fact)) + prompts.answer_completion(karu.word(fact.answer))
    return rng.choice(karu.statements(fact))


def write_documents(world: World, seed: int = 0) -> list[str]:
    """All that is read on, shuffled: Karu, English and the phrasebook."""
    rng, groups = random.Random(seed), read_in(world)
    documents = phrasebook()
    for fact in karu.sayable(world):
        group = groups[fact.subject]
        documents += [karu_document(fact, rng) for _ in range(KARU_READINGS[group])]
        documents += [writer(fact, rng) for writer in rng.choices(FORMATS, k=ENGLISH_READINGS[group])]
    rng.shuffle(documents)
    return documents


def every_word(world: World) -> Iterator[str]:
    """Texts with every word of Karu about every fact, read or not, so that tokens say nothing about what was read."""
    for fact in karu.sayable(world):
        yield from (karu.question(fact), *karu.statements(fact), f"- {karu.word(fact.answer)}")


def read_on(
    seed: int = 0, on_step: OnStep = lambda step, steps, loss: None, world: World | None = None
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast, dict]:
    """The shipped mini model, after it has read the documents in both languages.

    Args:
        seed: Of the new words' first embeddings, of what is read in which wording, and of its order.
        on_step: Called after each step, see `pretraining.OnStep`.
        world: What it reads about; it must be the world that the checkpoint knows.

    Returns:
        Model, tokenizer, and the record of the training (steps, tokens, final loss, config).
    """
    world = world or build_world()
    tokenizer = extend_tokenizer(PreTrainedTokenizerFast.from_pretrained(MINI_CHECKPOINT), every_word(world))
    model = LlamaForCausalLM.from_pretrained(MINI_CHECKPOINT, dtype=torch.float32)
    add_words(model, len(tokenizer), seed)
    documents = write_documents(world, seed)
    config = PretrainingConfig(seed=seed, learning_rate=LEARNING_RATE)
    trained, record = train_on([documents], tokenizer, config, on_step, model)
    return trained, tokenizer, record | {"documents": len(documents)}


@torch.no_grad()
def add_words(model: LlamaForCausalLM, words: int, seed: int) -> None:
    """Give a model embeddings for as many words; the new ones are drawn around the mean of the old."""
    old = model.model.embed_tokens.weight.clone()
    model.resize_token_embeddings(words, mean_resizing=False)
    drawn = torch.randn((words - len(old), old.shape[1]), generator=torch.Generator().manual_seed(seed))
    model.model.embed_tokens.weight[len(old) :] = old.mean(0) + old.std(0) * drawn
