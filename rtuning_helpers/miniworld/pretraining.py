"""Train the mini language model from scratch: a few million Llama parameters on the mini world's corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rtuning_helpers.miniworld.corpus import write_corpus
from rtuning_helpers.miniworld.tokenizer import build_tokenizer
from rtuning_helpers.miniworld.world import World

OnStep = Callable[[int, int, float], None]


@dataclass(frozen=True)
class PretrainingConfig:
    """Size of the mini model and its training schedule.

    Attributes:
        epochs: Passes over the corpus.
        block_tokens: Length of a training sequence [tokens]; documents are packed, separated by ``<s>``.
        batch_blocks: Sequences in an optimiser step.
        learning_rate: Peak of the one-cycle schedule (AdamW).
        offset_heads: Heads of the first layer that start out looking so many tokens back (see `_look_back`), which
            saves the model thousands of steps of finding out that an option's letter stands before it.
    """

    layers: int = 4
    width: int = 192
    heads: int = 6
    feed_forward: int = 512
    epochs: int = 2
    block_tokens: int = 64
    batch_blocks: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    seed: int = 0
    offset_heads: tuple[int, ...] = ()


def pack(documents: list[str], tokenizer: PreTrainedTokenizerFast, block_tokens: int) -> torch.Tensor:
    """Join the documents' tokens and cut them into rows, shape (blocks, block_tokens + 1); a remainder is dropped."""
    ids = [i for row in tokenizer(documents)["input_ids"] for i in row]
    rows = (len(ids) - 1) // block_tokens
    stream = torch.tensor(ids[: rows * block_tokens + 1])
    return stream.unfold(0, block_tokens + 1, block_tokens)


def new_model(config: PretrainingConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with random weights, apart from the heads that look back."""
    torch.manual_seed(config.seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.width,
            intermediate_size=config.feed_forward,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=512,
            attention_bias=bool(config.offset_heads),
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    for head, offset in enumerate(config.offset_heads):
        _look_back(model, head, offset)
    return model


@torch.no_grad()
def _look_back(model: LlamaForCausalLM, head: int, offset: int, sharpness: float = 8.0) -> None:
    """Set a first-layer head's biases so that every token attends to the one ``offset`` before it.

    Rotary positions turn a constant query and a constant key into a score that depends on their distance only; the
    key is turned by the offset beforehand, so that the score peaks there. All of it can be unlearnt.
    """
    attention, size = model.model.layers[0].self_attn, model.config.head_dim
    pairs = torch.arange(size // 2)
    angles = offset * model.config.rope_parameters["rope_theta"] ** (-2.0 * pairs / size)
    rows = slice(head * size, (head + 1) * size)
    attention.q_proj.bias[rows] = torch.cat([torch.full((size // 2,), sharpness), torch.zeros(size // 2)])
    attention.k_proj.bias[rows] = sharpness * torch.cat([angles.cos(), angles.sin()])


def pretrain(
    world: World,
    config: PretrainingConfig | None = None,
    on_step: OnStep = lambda step, steps, loss: None,
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast, dict]:
    """Train a model that has read the mini world.

    Args:
        world: The facts and their exposures.
        config: Size and schedule; the default is the checkpoint that ships with the package.
        on_step: Called after each step with (steps done, steps in all, loss [nats per token]).

    Returns:
        Model (float32, on the CPU), tokenizer, and a record of the training (steps, tokens, final loss, config).
    """
    config = config or PretrainingConfig()
    documents = write_corpus(world, seed=config.seed)
    # Words of facts that the corpus never states must have tokens too: the whole encyclopedia makes the vocabulary.
    unstated = [f"{fact.question} {fact.answer}" for fact in world.facts]
    tokenizer = build_tokenizer([*documents, *unstated])
    model, record = train_on([documents] * config.epochs, tokenizer, config, on_step)
    return model, tokenizer, record | {"documents": len(documents)}


def train_on(
    stages: Sequence[Sequence[str]],
    tokenizer: PreTrainedTokenizerFast,
    config: PretrainingConfig,
    on_step: OnStep = lambda step, steps, loss: None,
) -> tuple[LlamaForCausalLM, dict]:
    """Train a new model on texts, stage after stage, with one learning-rate schedule over all of them.

    Args:
        stages: The documents of each stage; each stage is read once, in an order drawn from the seed.
        tokenizer: Puts its separator in front of each document.
        config: Size and schedule; ``epochs`` is not used here.
        on_step: Called after each step with (steps done, steps in all, loss [nats per token]).

    Returns:
        Model (float32, on the CPU), and a record of the training (steps, tokens, final loss, config).

    Raises:
        ValueError: A stage too short for one step.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = new_model(config, tokenizer).to(device).train()
    packed = [pack(list(documents), tokenizer, config.block_tokens) for documents in stages]
    steps = sum(len(blocks) // config.batch_blocks for blocks in packed)
    if not all(len(blocks) >= config.batch_blocks for blocks in packed):
        raise ValueError(f"a stage has fewer than {config.batch_blocks} blocks of {config.block_tokens} tokens")
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=config.learning_rate, total_steps=steps, pct_start=config.warmup_share
    )
    shuffle = torch.Generator().manual_seed(config.seed)
    smoothed, done = 0.0, 0
    for blocks in packed:
        order = torch.randperm(len(blocks), generator=shuffle)
        for first in range(0, len(blocks) - config.batch_blocks + 1, config.batch_blocks):
            batch = blocks[order[first : first + config.batch_blocks]].to(device)
            logits = model(input_ids=batch[:, :-1]).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            done += 1
            smoothed = loss.item() if done == 1 else 0.99 * smoothed + 0.01 * loss.item()
            on_step(done, steps, smoothed)
    record = {
        "steps": steps,
        "tokens": steps * config.batch_blocks * config.block_tokens,
        "final_loss_nats": round(smoothed, 4),
        "config": asdict(config),
    }
    return model.eval().cpu(), record
