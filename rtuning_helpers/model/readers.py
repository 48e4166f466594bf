"""Readers: a model with the rows of tokens it has read, so that what follows costs only what is new.

A reader is told what its rows are to be, whole, and finds out itself what it has read of them: prompts that begin
alike, the next token of each, a question behind an answer in the place of what was generated there, the tokens of a
label and then those of another. So the callers are the same for every kind of model, see `cache_kind`.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

Rows = Sequence[Sequence[int]]
CACHE_NAMES = ("past_key_values", "cache_params", "state")  # what models call the cache that they make


class Reader(ABC):
    """Rows that a model has read."""

    can_join = True  # whether rows come and go without being read again

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.rows: list[list[int]] = []

    @abstractmethod
    def read(self, rows: Rows, keep: int = 1) -> torch.Tensor:
        """Read rows in the place of those read before, each of which begins like the one in its place, or does not.

        Args:
            rows: Token ids of each row, whole.
            keep: Number of positions at the end of each row whose logits are given; no row is shorter.

        Returns:
            Logits in float32, shape (rows, keep, vocabulary).
        """

    @abstractmethod
    def part(self, places: Sequence[int]) -> "Reader":
        """A reader of some of the rows, in this order, each as often as it is named; this one stays what it is."""

    def unread(self, rows: Rows) -> list[int]:
        """How many tokens at the end of each row are new to it."""
        return [len(row) for row in rows]

    def _reread(self, rows: Rows, keep: int, caching: bool = False) -> tuple[torch.Tensor, Any]:
        """Read rows anew, those of one length at a time; the logits and, of rows of one length only, the cache."""
        groups: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            groups.setdefault(len(row), []).append(place)
        found: list[Any] = [None] * len(rows)
        cache = None
        for places in groups.values():
            tokens = torch.tensor([list(rows[place]) for place in places], device=self.model.device)
            logits, cache = forward(self.model, tokens, keep, use_cache=caching and len(groups) == 1)
            for place, row_logits in zip(places, logits, strict=True):
                found[place] = row_logits
        return torch.stack(found), cache


class WholeCacheReader(Reader):
    """For models whose layers all keep the keys and values of every token, and nothing else.

    Rows lie in the cache without gaps, padded on the left: what is taken back is cut out, never hidden by a mask, so
    that distances are right even where a model counts them by place in the cache.
    """

    def __init__(self, model: PreTrainedModel, pad: int, limit: int | None = None) -> None:
        """
        Args:
            model: The model.
            pad: Token for padding.
            limit: Longest row to be read so [tokens]; longer ones are read anew each time.
        """
        super().__init__(model)
        self.pad, self.limit = pad, limit
        self.cache: Any = DynamicCache()
        self.width = 0  # places of the cache

    @torch.inference_mode()
    def read(self, rows: Rows, keep: int = 1) -> torch.Tensor:
        width = max(map(len, rows))
        if self.limit is not None and width > self.limit:
            self.rows, self.cache, self.width = [], DynamicCache(), 0
            return self._reread(rows, keep)[0]
        new = max(keep, *self.unread(rows))
        self._keep_beginnings([max(len(row) - new, 0) for row in rows])
        device = self.model.device
        tokens = [[self.pad] * (new - len(row)) + list(row[-new:]) for row in rows]
        lengths = torch.tensor([len(row) for row in rows], device=device)[:, None]
        positions = torch.arange(width, device=device) - (width - lengths)
        logits, cache = forward(
            self.model,
            torch.tensor(tokens, device=device),
            keep,
            cache=self.cache,
            attention_mask=(positions >= 0).long(),
            position_ids=positions[:, -new:].clamp(min=0),
        )
        self.cache, self.rows, self.width = cache, [list(row) for row in rows], width
        return logits

    def part(self, places: Sequence[int]) -> "WholeCacheReader":
        taken = WholeCacheReader(self.model, self.pad, self.limit)
        if not self.rows:
            return taken
        if len(set(places)) == 1:  # a beginning that all rows share is not copied
            taken._fill(self, lambda states: states[places[0]][None].expand(len(places), -1, -1, -1))
        else:
            index = torch.tensor(places, device=self.model.device)
            taken._fill(self, lambda states: states.index_select(0, index))
        taken.rows, taken.width = [self.rows[place] for place in places], self.width
        return taken

    def join(self, other: "WholeCacheReader") -> None:
        """Go on with the rows of another reader behind its own."""
        if not (self.rows and other.rows):  # one of them was too long
            self.rows, self.cache, self.width = [], DynamicCache(), 0
            return
        width = max(self.width, other.width)
        behind = iter(_states(other.cache))
        self._fill(self, lambda states: torch.cat([_widen(states, width), _widen(next(behind), width)]))
        self.rows, self.width = self.rows + other.rows, width

    def unread(self, rows: Rows) -> list[int]:
        if not self.rows:
            return super().unread(rows)
        return [len(row) - _shared(row, read) for row, read in zip(rows, self.rows, strict=True)]

    def _keep_beginnings(self, kept: list[int]) -> None:
        """Cut the cache to so many tokens at the beginning of each row."""
        width = max(kept)
        if width == 0:
            self.cache = DynamicCache()
            return
        # The first token of a row lies ``length`` before the end of the cache, and is to lie ``n`` before it.
        starts = [self.width - len(row) - (width - n) for row, n in zip(self.rows, kept, strict=True)]
        if width < self.width or any(starts):
            self._fill(self, lambda states: _cut(states, starts, width))

    def _fill(self, source: "WholeCacheReader", change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Hold what another reader holds, or itself, with a change to the keys and the values of each layer."""
        layers = [copy(layer) for layer in source.cache.layers]
        for layer in layers:
            if layer.is_initialized:  # others share their keys with a layer before them
                layer.keys, layer.values = change(layer.keys), change(layer.values)
        self.cache = DynamicCache()
        self.cache.layers = layers


class OwnCacheReader(Reader):
    """For all other models: rows of one length, without padding, and nothing is ever taken back.

    The model's own cache, of whatever kind, serves while rows gain one token at a time. All else is read anew.
    """

    can_join = False

    def __init__(self, model: PreTrainedModel, caching: bool = True, positions: bool = False) -> None:
        """
        Args:
            model: The model.
            caching: Whether its own cache is used at all.
            positions: Whether a model has to be told the position of a token behind the cache: Bamba and MiniMax count
                from 0 again, others (RoBERTa) count otherwise and know by themselves.
        """
        super().__init__(model)
        self.caching, self.positions = caching, positions
        self.cache: Any = None

    @torch.inference_mode()
    def read(self, rows: Rows, keep: int = 1) -> torch.Tensor:
        if self.cache is not None and keep == 1 and self._goes_on(rows):
            tokens = torch.tensor([[row[-1]] for row in rows], device=self.model.device)
            told: dict[str, Any] = {"position_ids": torch.full_like(tokens, len(rows[0]) - 1)} if self.positions else {}
            logits, self.cache = forward(self.model, tokens, keep, cache=self.cache, **told)
        else:
            logits, self.cache = self._reread(rows, keep, self.caching)
        self.rows = [list(row) for row in rows]
        return logits

    def part(self, places: Sequence[int]) -> "OwnCacheReader":
        return OwnCacheReader(self.model, self.caching, self.positions)

    def _goes_on(self, rows: Rows) -> bool:
        """Whether each row has gained one token."""
        return len(rows) == len(self.rows) and all(
            list(row[:-1]) == before for row, before in zip(rows, self.rows, strict=True)
        )


def forward(
    model: PreTrainedModel, tokens: torch.Tensor, keep: int, *, cache: Any = None, use_cache: bool = True, **others: Any
) -> tuple[torch.Tensor, Any]:
    """One forward pass: logits of the last ``keep`` positions in float32, and the cache."""
    takes = parameters(model)
    held = {} if cache is None else {next((name for name in CACHE_NAMES if name in takes), CACHE_NAMES[0]): cache}
    out = call(model, tokens, use_cache=use_cache, logits_to_keep=keep, **held, **others)
    made = next((found for name in CACHE_NAMES if (found := getattr(out, name, None)) is not None), None)
    return out.logits[:, -keep:].float(), made if use_cache else None


def call(model: PreTrainedModel, tokens: torch.Tensor, **given: Any) -> Any:
    """A forward pass with those of the arguments that the model takes.

    Older ones take no positions, say, or do not know of ``logits_to_keep`` and give all logits.
    """
    takes = parameters(model) | {"output_hidden_states"}  # which is seen to outside the model's own function
    return model(input_ids=tokens, **{name: value for name, value in given.items() if name in takes})


def parameters(model: Any) -> frozenset[str]:
    """Names of what a model's forward pass takes, without its adapter."""
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(bare.forward).parameters)


def _shared(row: Sequence[int], other: Sequence[int]) -> int:
    """Length of the beginning that two rows share."""
    length = min(len(row), len(other))
    if list(row[:length]) == list(other[:length]):
        return length
    return next(place for place in range(length) if row[place] != other[place])


def _states(cache: Any) -> list[torch.Tensor]:
    """Keys and values of each layer, in turn."""
    return [states for layer in cache.layers if layer.is_initialized for states in (layer.keys, layer.values)]


def _widen(states: torch.Tensor, width: int) -> torch.Tensor:
    """Keys or values, shape (rows, heads, places, size), with empty places before the others."""
    return torch.nn.functional.pad(states, (0, 0, width - states.shape[2], 0))


def _cut(states: torch.Tensor, starts: list[int], width: int) -> torch.Tensor:
    """Keys or values, shape (rows, heads, places, size), of so many places, of each row from its own on."""
    if len(set(starts)) == 1 and starts[0] >= 0:
        return states[:, :, starts[0] : starts[0] + width]
    index = torch.tensor(starts, device=states.device)[:, None] + torch.arange(width, device=states.device)
    index = index.clamp(min=0)[:, None, :, None].expand(-1, states.shape[1], -1, states.shape[3])
    return states.gather(2, index)
