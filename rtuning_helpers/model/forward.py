"""Forward passes over batches of prompts: length-sorted, left-padded, with the cache that further tokens are fed to."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt
from rtuning_helpers.model.language_model import LanguageModel, check_embedded
from rtuning_helpers.progress import progress_bar

USUAL_LENGTH = 256
"""Tokens of a prompt for which batch sizes are meant; of longer prompts fewer are read at a time."""


class NonFiniteLogitsError(RuntimeError):
    """The model gave NaN or infinite logits; the message names the question."""


def length_sorted_batches(lengths: Sequence[int], batch_size: int, most_tokens: int | None = None) -> list[list[int]]:
    """Row numbers in batches of similar length, longest first (so that a lack of memory shows at once).

    Args:
        lengths: Length of each row [tokens].
        batch_size: Rows of a batch, at most.
        most_tokens: Tokens of a padded batch, at most (but one row at least); any number by default.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches = []
    while order:
        count = batch_size
        if most_tokens is not None:
            count = max(1, min(count, most_tokens // max(lengths[order[0]], 1)))
        batches.append(order[:count])
        order = order[count:]
    return batches


def token_batches(
    lm: LanguageModel,
    texts: Sequence[str],
    batch_size: int,
    description: str | None = None,
    ids: Sequence[str] | None = None,
    room: int = 0,
    usual_length: int = USUAL_LENGTH,
) -> Iterator[tuple[list[int], list[list[int]], list[str]]]:
    """Batches of texts: their row numbers, their token ids, and their names for error messages.

    Args:
        lm: The model.
        texts: What it is to read.
        batch_size: Texts at a time, at most; fewer where they are longer than ``usual_length``.
        description: Text beside the progress bar; None for no bar.
        ids: Names of the texts; by default the texts themselves.
        room: Tokens that are to follow each text.
        usual_length: Length for which the batch size is meant [tokens].

    Raises:
        InputError: A text does not fit into the model's context, or holds a token that the model does not embed.
    """
    encoded = lm.tokenizer(list(texts))["input_ids"] if len(texts) else []
    names = list(ids) if ids else list(texts)
    check_embedded(lm.model, zip(names, encoded, strict=True))
    lengths = [len(row) for row in encoded]
    limit = lm.context_length
    if limit is not None and max(lengths, default=0) + room > limit:
        longest = max(range(len(lengths)), key=lengths.__getitem__)
        raise InputError(
            f"{excerpt(names[longest])}: its prompt has {lengths[longest]} tokens and {room} are to follow, but the "
            f"model's context holds {limit}; expected prompts shortened by fitting.fit_questions"
        )
    batches = length_sorted_batches(lengths, batch_size, batch_size * usual_length)
    with progress_bar(len(texts), description) as bar:
        for rows in batches:
            yield rows, [encoded[i] for i in rows], [names[i] for i in rows]
            bar.update(len(rows))


class Prefill:
    """Left-padded prompts after one forward pass: cache, mask and the logits at each prompt's end."""

    @torch.inference_mode()
    def __init__(self, lm: LanguageModel, encoded: Sequence[Sequence[int]], names: Sequence[str]) -> None:
        self.lm, self.names = lm, list(names)
        self.lengths = torch.tensor([len(row) for row in encoded], device=lm.device)
        width = int(self.lengths.max())
        pad = lm.tokenizer.pad_token_id
        tokens = torch.tensor([[pad] * (width - len(row)) + list(row) for row in encoded], device=lm.device)
        self.mask = (torch.arange(width, device=lm.device) >= (width - self.lengths)[:, None]).long()
        self.cache: Any = None  # of the kind that the model makes
        self.next_position = torch.zeros_like(self.lengths)
        self.logits = self._forward(tokens, (self.mask.cumsum(1) - 1).clamp(min=0))
        self.next_position = self.lengths.clone()

    @torch.inference_mode()
    def _forward(self, tokens: torch.Tensor, positions: torch.Tensor, keep: int = 1) -> torch.Tensor:
        reading = {"input_ids": tokens, "attention_mask": self.mask, "position_ids": positions}
        out = self.lm.model(**reading, past_key_values=self.cache, use_cache=True, logits_to_keep=keep)
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
