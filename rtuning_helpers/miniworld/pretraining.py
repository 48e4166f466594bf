"""Train the mini language model from scratch: a few million Llama parameters on the mini world's corpus."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple, cast

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rtuning_helpers.data.world.world import World
from rtuning_helpers.miniworld.corpus import write_corpus
from rtuning_helpers.miniworld.first_weights import give_head_start
from rtuning_helpers.miniworld.inner_lessons import NOTHING, pointing_loss
from rtuning_helpers.miniworld.tokenizer import build_tokenizer

OnStep = Callable[[int, int, float], None]  # steps done, steps in all, loss [nats per token]


@dataclass(frozen=True)
class PretrainingConfig:
    """Size of the mini model and its training schedule."""

    layers: int = 4
    width: int = 192
    heads: int = 6
    feed_forward: int = 512
    epochs: int = 2  # passes over the corpus
    block_tokens: int = 64  # length of a training sequence [tokens]; documents are packed, separated by ``<s>``
    batch_blocks: int = 16  # sequences in an optimiser step
    learning_rate: float = 1e-3  # peak of the one-cycle schedule (AdamW)
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    seed: int = 0
    offset_heads: tuple[int, ...] = ()  # how many tokens back each of the first layer's first heads starts out looking
    matching_layers: tuple[int, ...] = ()  # whose first two heads start out finding the same word again
    embedding_scale: float = 1.0  # enlarges the first embeddings, so that words can be told apart from the start
    # Hides a document from the next ones in its block: where a word means what its document says, such as the letter
    # of an option, the others would only confuse.
    separate_documents: bool = False
    inner_layer: int = 2  # after how many layers the thought of a lesson is to be recalled


@dataclass(frozen=True)
class Lesson:
    """A text of which only parts are learnt; the rest is read only."""

    text: str
    learnt: tuple[tuple[int, int], ...]  # beginning and end of each part that counts in the loss [characters]
    thoughts: tuple[str, ...] = ()  # the word that each of these parts is looked up by; none if nothing is looked up
    recalled: bool = True  # whether the thoughts have to be recalled; otherwise the text has just said them


Document = str | Lesson
INNER_WEIGHT = 0.5  # of what the inner layers are taught, beside the loss of the tokens


class Rows(NamedTuple):
    """Packed documents, each of shape (blocks, block_tokens + 1)."""

    ids: torch.Tensor
    counts: torch.Tensor  # whether a token counts in the loss
    thoughts: torch.Tensor  # the token that this one is looked up by, or `NOTHING`
    recalled: torch.Tensor  # whether that token has to be recalled


def pack(documents: Sequence[Document], tokenizer: PreTrainedTokenizerFast, block_tokens: int) -> Rows:
    """Join the documents' tokens and cut them into rows; a remainder is dropped."""
    lessons = [d if isinstance(d, Lesson) else Lesson(d, ((0, len(d)),)) for d in documents]
    encoded = tokenizer([lesson.text for lesson in lessons], return_offsets_mapping=True)
    ids, counts, thoughts, recalled = [], [], [], []
    for lesson, row, places in zip(lessons, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        whole = lesson.learnt == ((0, len(lesson.text)),)
        ids += row
        learnt = [whole or any(a < end and b > start for start, end in lesson.learnt) for a, b in places]
        counts += learnt
        thoughts += [NOTHING] * len(row)
        recalled += [lesson.recalled] * len(row)
        for thought, (start, _) in zip(lesson.thoughts, lesson.learnt, strict=bool(lesson.thoughts)):
            place = next(i for i, (_, end) in enumerate(places) if end > start)
            thoughts[len(ids) - len(row) + place] = tokenizer(f" {thought}", add_special_tokens=False)["input_ids"][0]
    rows = (len(ids) - 1) // block_tokens
    cut = [torch.tensor(stream[: rows * block_tokens + 1]) for stream in (ids, counts, thoughts, recalled)]
    return Rows(*(stream.unfold(0, block_tokens + 1, block_tokens) for stream in cut))


def _places(ids: torch.Tensor, separator: int) -> torch.Tensor:
    """Position of each token in its document; transformers keeps apart what begins anew at 0."""
    columns = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    return columns - torch.where(ids == separator, columns, 0).cummax(dim=1).values


def new_model(config: PretrainingConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with random weights, apart from the heads that the configuration gives a head start."""
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
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(config.embedding_scale)
    if config.offset_heads:
        give_head_start(model, config.offset_heads, config.matching_layers)
    return model


def pretrain(
    world: World, config: PretrainingConfig | None = None, on_step: OnStep = lambda step, steps, loss: None
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast, dict]:
    """Train a model that has read the mini world; as `train_on`, but gives the tokenizer too.

    By default it is the checkpoint that ships with the package.
    """
    config = config or PretrainingConfig()
    documents = write_corpus(world, seed=config.seed)
    # Words of facts that the corpus never states must have tokens too: the whole encyclopedia makes the vocabulary.
    unstated = [f"{fact.question} {fact.answer}" for fact in world.facts]
    tokenizer = build_tokenizer([*documents, *unstated])
    model, record = train_on([documents] * config.epochs, tokenizer, config, on_step)
    return model, tokenizer, record | {"documents": len(documents)}


def _loss(model: LlamaForCausalLM, batch: Rows, separator: int | None, inner_layer: int) -> torch.Tensor:
    """Mean loss of the tokens that count, and of what the inner layers are taught [nats per token]."""
    read, counted, targets = batch.ids[:, :-1], batch.counts[:, 1:], batch.ids[:, 1:]
    thoughts, places = batch.thoughts[:, 1:], None if separator is None else _places(read, separator)
    taught = separator is not None and bool((thoughts != NOTHING).any())
    seen = model.model(input_ids=read, position_ids=places, use_cache=False, output_hidden_states=taught)
    loss = torch.nn.functional.cross_entropy(model.lm_head(seen.last_hidden_state[counted]), targets[counted])
    if taught and places is not None:
        inner, thinking = seen.hidden_states[inner_layer], (thoughts != NOTHING) & batch.recalled[:, 1:]
        if thinking.any():
            guess = model.lm_head(model.model.norm(inner[thinking]))  # as if the model ended here
            loss = loss + INNER_WEIGHT * torch.nn.functional.cross_entropy(guess, thoughts[thinking])
        mentions = _last_mentions(read, places, thoughts)
        if (mentions != NOTHING).any():
            loss = loss + INNER_WEIGHT * pointing_loss(model, inner_layer, inner, places, mentions)
    return loss


def _last_mentions(ids: torch.Tensor, places: torch.Tensor, thoughts: torch.Tensor) -> torch.Tensor:
    """For each thought the column where its token stands last before it in the same document, or `NOTHING`."""
    columns = torch.arange(ids.shape[1], device=ids.device)
    found = torch.full_like(thoughts, NOTHING)
    for row, column in torch.nonzero(thoughts != NOTHING).tolist():
        begin = column - int(places[row, column])
        mentions = columns[begin:column][ids[row, begin:column] == thoughts[row, column]]
        if len(mentions):
            found[row, column] = mentions[-1]
    return found


def train_on(
    stages: Sequence[Sequence[Document]],
    tokenizer: PreTrainedTokenizerFast,
    config: PretrainingConfig,
    on_step: OnStep = lambda step, steps, loss: None,
    model: LlamaForCausalLM | None = None,
) -> tuple[LlamaForCausalLM, dict]:
    """Train a model on texts, stage after stage, with one learning-rate schedule over all of them.

    Args:
        stages: The documents of each stage; each stage is read once, in an order drawn from the seed.
        tokenizer: Puts its separator in front of each document.
        config: Size and schedule; ``epochs`` is not used here.
        on_step: Called after each step, see `OnStep`.
        model: The model that goes on reading; a new one by default.

    Returns:
        Model (float32, on the CPU), and a record of the training (steps, tokens, final loss, config).

    Raises:
        ValueError: A stage too short for one step.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = new_model(config, tokenizer) if model is None else model
    model.train()
    cast(torch.nn.Module, model).to(device)
    packed = [pack(documents, tokenizer, config.block_tokens) for documents in stages]
    steps = sum(len(rows.ids) // config.batch_blocks for rows in packed)
    if not all(len(rows.ids) >= config.batch_blocks for rows in packed):
        raise ValueError(f"a stage has fewer than {config.batch_blocks} blocks of {config.block_tokens} tokens")
    rate, decay = config.learning_rate, config.weight_decay
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=config.warmup_share)
    shuffle = torch.Generator().manual_seed(config.seed)
    smoothed, done, separator = 0.0, 0, tokenizer.bos_token_id if config.separate_documents else None
    for blocks in packed:
        order = torch.randperm(len(blocks.ids), generator=shuffle)
        for first in range(0, len(order) - config.batch_blocks + 1, config.batch_blocks):
            rows = order[first : first + config.batch_blocks]
            batch = Rows(*(stream[rows].to(device) for stream in blocks))
            loss = _loss(model, batch, separator, config.inner_layer)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            done += 1
            smoothed = loss.item() if done == 1 else 0.99 * smoothed + 0.01 * loss.item()
            on_step(done, steps, smoothed)
    record = {"steps": steps, "tokens": steps * config.batch_blocks * config.block_tokens}
    return model.eval().cpu(), record | {"final_loss_nats": round(smoothed, 4), "config": asdict(config)}
