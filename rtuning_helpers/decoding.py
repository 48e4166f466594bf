"""Batched answers, and the probability of whole label strings such as " sure" and " unsure".

Questions are answered in length-sorted batches (hardly any padding), decoding stops when every row of a batch has ended
its answer, and the sureness question is put to the key-value cache that the answer left behind, so that no question is
read twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from rtuning_helpers import prompts
from rtuning_helpers.errors import InputError
from rtuning_helpers.language_model import LanguageModel

SURENESS_LABELS = (prompts.SURE, prompts.UNSURE)


class NonFiniteLogitsError(RuntimeError):
    """The model gave NaN or infinite logits; the message names the question."""


@dataclass(frozen=True)
class Answer:
    """One generated answer.

    Attributes:
        text: The answer, cut at the first full stop or line break, without surrounding space.
        token_probabilities: Probability of each answer token when it was chosen; without the stop token, unless the
            answer is empty.
        token_entropies: Entropy of the distribution over each of these tokens when it was chosen [nats].
        sure_probability: p(" sure") / (p(" sure") + p(" unsure")) after the sureness question; None if not asked.
    """

    text: str
    token_probabilities: tuple[float, ...]
    token_entropies: tuple[float, ...]
    sure_probability: float | None = None

    @property
    def first_token_entropy(self) -> float:
        """Entropy of the distribution over the first token [nats]."""
        return self.token_entropies[0]

    @property
    def confidence(self) -> float:
        """Geometric mean of the token probabilities (released evaluator; paper section 3.3)."""
        return math.exp(sum(math.log(p) for p in self.token_probabilities) / len(self.token_probabilities))


def length_sorted_batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Row numbers in batches of similar length, longest first (so that a lack of memory shows at once)."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def padding_waste(lengths: Sequence[int], batches: Iterable[Sequence[int]]) -> float:
    """Share of the padded batches' tokens that is padding, 0 to 1."""
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths) / padded


def answer_prompts(
    lm: LanguageModel,
    question_prompts: Sequence[str],
    *,
    max_new_tokens: int = 15,
    batch_size: int = 128,
    ask_sureness: bool = False,
    ids: Sequence[str] | None = None,
    description: str = "answering",
) -> list[Answer]:
    """Answer every prompt greedily.

    Args:
        lm: The model.
        question_prompts: Prompts as ``prompts.question_prompt`` writes them.
        max_new_tokens: Longest answer [tokens]; 15 as in the released probing script.
        batch_size: Rows decoded at the same time.
        ask_sureness: Also put the sureness question after each answer.
        ids: Names of the rows for error messages.
        description: Text beside the progress bar.

    Returns:
        One Answer a prompt, in the order given.

    Raises:
        NonFiniteLogitsError: NaN or infinite logits.
        InputError: The tokenizer cannot tell " sure" from " unsure".
    """
    answers: list[Answer | None] = [None] * len(question_prompts)
    for rows, encoded in _batches(lm, question_prompts, batch_size, description):
        names = [ids[i] if ids else question_prompts[i] for i in rows]
        decoded = _Decoding(lm, encoded, names)
        decoded.run(max_new_tokens)
        batch = decoded.answers()
        if ask_sureness:
            sure = _sureness(lm, decoded, [question_prompts[i] for i in rows], batch)
            batch = [replace(a, sure_probability=s) for a, s in zip(batch, sure, strict=True)]
        for i, answer in zip(rows, batch, strict=True):
            answers[i] = answer
    return answers  # type: ignore[return-value]


def draw_answers(
    lm: LanguageModel,
    question_prompts: Sequence[str],
    *,
    k: int = 10,
    temperature: float = 0.7,
    seed: int = 0,
    max_new_tokens: int = 15,
    batch_size: int = 128,
    ids: Sequence[str] | None = None,
    description: str = "sampling",
) -> list[list[Answer]]:
    """Draw k answers for every prompt (paper section 5.1: k = 10, temperature 0.7); the question is read once.

    Returns:
        For each prompt, in the order given, its k answers. Their token probabilities and entropies are those of the
        model itself, at temperature 1, whatever the temperature of the draw.
    """
    generator = torch.Generator(lm.device).manual_seed(seed)
    samples: list[list[Answer]] = [[] for _ in question_prompts]
    for rows, encoded in _batches(lm, question_prompts, max(1, batch_size // k), description):
        names = [ids[i] if ids else question_prompts[i] for i in rows]
        decoded = _Decoding(lm, encoded, names, copies=k)
        decoded.run(max_new_tokens, temperature=temperature, generator=generator)
        drawn = decoded.answers()
        for position, i in enumerate(rows):
            samples[i] = drawn[position * k : (position + 1) * k]
    return samples


def sample_answers(lm: LanguageModel, question_prompts: Sequence[str], **options) -> list[list[str]]:
    """The texts of `draw_answers`, which takes the same options: for each prompt its k answers."""
    return [[answer.text for answer in drawn] for drawn in draw_answers(lm, question_prompts, **options)]


def label_probabilities(
    lm: LanguageModel, contexts: Sequence[str], labels: Sequence[str], *, batch_size: int = 128
) -> np.ndarray:
    """Probability of each label string after each context, as shares that sum to 1.

    A label is scored as a whole: the sum of the log-probabilities of all its tokens as they stand in context.

    Returns:
        Array of shape (contexts, labels).
    """
    scores = np.zeros((len(contexts), len(labels)))
    if len(contexts) == 0:
        return scores
    label_ids = label_token_ids(lm.tokenizer, contexts[0], labels)
    for rows, encoded in _batches(lm, contexts, batch_size, None):
        prefill = _Prefill(lm, encoded, [contexts[i] for i in rows])
        scores[rows] = _label_shares(lm, prefill, label_ids)
    return scores


def label_token_ids(tokenizer: PreTrainedTokenizerBase, context: str, labels: Sequence[str]) -> list[list[int]]:
    """The tokens that each label adds to the context.

    Raises:
        InputError: The tokenizer merges a label into the context, or cannot tell two labels apart.
    """
    base = tokenizer(context)["input_ids"]
    found = []
    for label in labels:
        full = tokenizer(context + label)["input_ids"]
        if full[: len(base)] != base or len(full) == len(base):
            raise InputError(f"this tokenizer merges the label {label!r} with the text before it; choose another model")
        found.append(full[len(base) :])
    for i, one in enumerate(found):
        for j, other in enumerate(found):
            if i != j and other[: len(one)] == one:
                raise InputError(
                    f"this tokenizer cannot tell the labels {labels[i]!r} and {labels[j]!r} apart "
                    f"(token ids {one} and {other}); choose another model"
                )
    return found


def _batches(
    lm: LanguageModel, texts: Sequence[str], batch_size: int, description: str | None
) -> Iterator[tuple[list[int], list[list[int]]]]:
    encoded = lm.tokenizer(list(texts))["input_ids"] if len(texts) else []
    batches = length_sorted_batches([len(row) for row in encoded], batch_size)
    with tqdm(total=len(texts), desc=description, leave=False, disable=True if description is None else None) as bar:
        for rows in batches:
            yield rows, [encoded[i] for i in rows]
            bar.update(len(rows))


class _Prefill:
    """Left-padded prompts after one forward pass: cache, mask and the logits at each prompt's end."""

    @torch.inference_mode()
    def __init__(self, lm: LanguageModel, encoded: Sequence[Sequence[int]], names: Sequence[str]) -> None:
        self.lm, self.names = lm, list(names)
        self.lengths = torch.tensor([len(row) for row in encoded], device=lm.device)
        width = int(self.lengths.max())
        pad = lm.tokenizer.pad_token_id
        tokens = torch.tensor([[pad] * (width - len(row)) + list(row) for row in encoded], device=lm.device)
        self.mask = (torch.arange(width, device=lm.device) >= (width - self.lengths)[:, None]).long()
        self.cache = None
        self.next_position = torch.zeros_like(self.lengths)
        self.logits = self._forward(tokens, (self.mask.cumsum(1) - 1).clamp(min=0))
        self.next_position = self.lengths.clone()

    @torch.inference_mode()
    def _forward(self, tokens: torch.Tensor, positions: torch.Tensor, keep: int = 1) -> torch.Tensor:
        out = self.lm.model(
            input_ids=tokens,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        self.cache = out.past_key_values
        logits = out.logits.float()
        finite = torch.isfinite(logits).flatten(1).all(1)
        if not bool(finite.all()):
            row = int((~finite).nonzero()[0])
            raise NonFiniteLogitsError(f"the model gave NaN or infinite logits for {self.names[row]!r}")
        return logits if keep > 1 else logits[:, -1]

    def feed(self, tokens: torch.Tensor, keep: int = 1) -> torch.Tensor:
        """Read more tokens, shape (rows, n), behind what the cache holds."""
        count = tokens.shape[1]
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), count)], dim=1)
        positions = self.next_position[:, None] + torch.arange(count, device=tokens.device)
        self.next_position = self.next_position + count
        self.logits = self._forward(tokens, positions, keep)
        return self.logits

    def forget(self, count: int) -> None:
        """Take the last ``count`` tokens back."""
        self.cache.crop(-count)
        self.mask = self.mask[:, :-count]
        self.next_position = self.next_position - count


class _Decoding(_Prefill):
    """Prompts with the tokens generated behind them."""

    def __init__(
        self, lm: LanguageModel, encoded: Sequence[Sequence[int]], names: Sequence[str], copies: int = 1
    ) -> None:
        super().__init__(lm, encoded, names)
        self.encoded = [list(row) for row in encoded for _ in range(copies)]
        if copies > 1:
            self.cache.batch_repeat_interleave(copies)
            self.names = [name for name in self.names for _ in range(copies)]
            self.lengths, self.mask, self.next_position, self.logits = (
                tensor.repeat_interleave(copies, dim=0)
                for tensor in (self.lengths, self.mask, self.next_position, self.logits)
            )
        self.prompt_width = self.mask.shape[1]

    @torch.inference_mode()
    def run(self, max_new_tokens: int, temperature: float = 0.0, generator: torch.Generator | None = None) -> None:
        """Generate until every row has met a stop token, greedily or by sampling."""
        tokens, chosen, entropies = [], [], []
        ended = torch.zeros(len(self.mask), dtype=torch.bool, device=self.mask.device)
        for step in range(max_new_tokens):
            log_probabilities = torch.log_softmax(self.logits, dim=-1)
            entropies.append(-(log_probabilities.exp() * log_probabilities).nan_to_num(0.0).sum(-1))
            if temperature > 0:
                scaled = torch.softmax(self.logits / temperature, dim=-1)
                token = torch.multinomial(scaled, 1, generator=generator)
            else:
                token = log_probabilities.argmax(-1, keepdim=True)
            tokens.append(token)
            chosen.append(log_probabilities.gather(1, token))
            ended |= torch.isin(token[:, 0], self.lm.stop_token_ids)
            if bool(ended.all()) or step == max_new_tokens - 1:
                break
            self.feed(token)
        self.tokens = torch.cat(tokens, dim=1)
        self.probabilities = torch.cat(chosen, dim=1).exp()
        self.entropies = torch.stack(entropies, dim=1)
        is_stop = torch.isin(self.tokens, self.lm.stop_token_ids)
        # Number of answer tokens of each row: those before its first stop token.
        self.answer_lengths = (is_stop.cumsum(1) == 0).sum(1)

    def answers(self) -> list[Answer]:
        found = []
        rows = zip(
            self.tokens.tolist(),
            self.probabilities.tolist(),
            self.answer_lengths.tolist(),
            self.entropies.tolist(),
            strict=True,
        )
        for tokens, probabilities, length, entropies in rows:
            text = self.lm.tokenizer.decode(tokens[: length + 1], skip_special_tokens=True)
            text = text.split(prompts.STOP, 1)[0].split("\n", 1)[0].strip()
            kept = max(length, 1)
            found.append(Answer(text, tuple(probabilities[:kept]), tuple(entropies[:kept])))
        return found


def _sureness(lm: LanguageModel, decoded: _Decoding, question_prompts: list[str], answers: list[Answer]) -> list[float]:
    """P(sure) of each row, from the cache where the tokens read so far are those of the text, else by reading it."""
    contexts = [f"{p} {a.text}{prompts.sureness_suffix()}" for p, a in zip(question_prompts, answers, strict=True)]
    label_ids = label_token_ids(lm.tokenizer, contexts[0], SURENESS_LABELS)
    suffix_ids = lm.tokenizer(f"x{prompts.sureness_suffix()}", add_special_tokens=False)["input_ids"]
    x_ids = lm.tokenizer("x", add_special_tokens=False)["input_ids"]
    suffix_ids = suffix_ids[len(x_ids) :]
    full = lm.tokenizer(contexts)["input_ids"]
    lengths = decoded.answer_lengths.tolist()
    as_read = [
        prompt + tokens[:n] + suffix_ids == ids
        for prompt, tokens, n, ids in zip(decoded.encoded, decoded.tokens.tolist(), lengths, full, strict=True)
    ]
    sure = np.zeros(len(contexts))
    if any(as_read):
        sure[:] = _label_shares(lm, _with_suffix(decoded, suffix_ids), label_ids)[:, 0]
    reread = [i for i, same in enumerate(as_read) if not same]
    if reread:
        sure[reread] = label_probabilities(lm, [contexts[i] for i in reread], SURENESS_LABELS)[:, 0]
    return sure.tolist()


@torch.inference_mode()
def _with_suffix(decoded: _Decoding, suffix_ids: list[int]) -> _Decoding:
    """Hide what was generated behind each answer, then read the suffix."""
    generated = decoded.tokens.shape[1]
    if int(decoded.answer_lengths.max()) == generated:  # an answer without an end: its last token is not yet read
        decoded.feed(decoded.tokens[:, -1:])
    read = decoded.mask.shape[1] - decoded.prompt_width
    kept = torch.arange(read, device=decoded.mask.device) < decoded.answer_lengths[:, None]
    decoded.mask = torch.cat([decoded.mask[:, : decoded.prompt_width], kept.long()], dim=1)
    decoded.next_position = decoded.lengths + decoded.answer_lengths
    decoded.feed(torch.tensor([suffix_ids] * len(decoded.mask), device=decoded.mask.device))
    return decoded


@torch.inference_mode()
def _label_shares(lm: LanguageModel, prefill: _Prefill, label_ids: list[list[int]]) -> np.ndarray:
    """Softmax over the labels' summed log-probabilities, shape (rows, labels)."""
    first = torch.log_softmax(prefill.logits, dim=-1)
    totals = []
    for ids in label_ids:
        total = first[:, ids[0]]
        if len(ids) > 1:
            tokens = torch.tensor([ids[:-1]] * len(first), device=first.device)
            logits = prefill.feed(tokens, keep=max(2, tokens.shape[1]))[:, -tokens.shape[1] :]
            following = torch.log_softmax(logits, dim=-1)
            prefill.forget(tokens.shape[1])
            for offset, token in enumerate(ids[1:]):
                total = total + following[:, offset, token]
        totals.append(total)
    return torch.softmax(torch.stack(totals, dim=1).double(), dim=1).cpu().numpy()
