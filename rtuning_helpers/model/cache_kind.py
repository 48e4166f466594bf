"""How a model can be read: what its cache keeps, found out once a model by reading two short texts in several ways.

Names of architectures play no part: whatever a model is, a way of reading is taken only where it gives what reading
one text alone gives. What two short texts cannot show is read from the layers of the cache and from the configuration:
how far a window reaches, and from which length on rotary positions change.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DummyLayer, DynamicLayer, DynamicSlidingWindowLayer

from rtuning_helpers.errors import InputError
from rtuning_helpers.model.libraries import reason
from rtuning_helpers.model.readers import OwnCacheReader, Reader, Rows, WholeCacheReader

TEXT_TOKENS = (20, 14)  # lengths of the two texts
LONG_TEXT_TOKENS = 96
NARROW = 6  # tokens that windows reach while a model is looked at
EXACT, ROUNDED = 1e-4, 0.1  # largest error of logits, relative to their size, in float32 and in types with fewer digits
BROKEN = 5  # times that error, from which on no way of reading is left
LOOKS_AHEAD = "what it makes of a word depends on the words behind it"
_WINDOW = re.compile(r"((sliding|attention|attn|local)_)*(windows?|window_sizes?)|attention_chunk_size")
_PLAIN = (DynamicLayer, DynamicSlidingWindowLayer, DummyLayer)  # layers that a whole cache can stand in for


@dataclass(frozen=True)
class CacheKind:
    """How a model is read.

    Attributes:
        whole: Whether batches of texts of any lengths are read with a cache that is whole (`WholeCacheReader`).
        limit: Longest text that is read so [tokens]; None for any.
        own: Whether the cache that the model itself makes serves texts of one length (`OwnCacheReader`).
        reason: Why, in a few words.
        positions: Whether that cache has to be told the positions of tokens.
        changing: Whether positions change with what is behind, so that labels are read whole.
    """

    whole: bool
    limit: int | None
    own: bool
    reason: str
    positions: bool = False
    changing: bool = False

    def fits(self, tokens: int) -> bool:
        """Whether a text of so many tokens can be read in a batch with others, of other lengths."""
        return self.whole and (self.limit is None or tokens <= self.limit)

    def reader(self, model: PreTrainedModel, pad: int, tokens: int) -> Reader:
        """A reader for texts of at most so many tokens, what follows them included."""
        if self.fits(tokens):
            return WholeCacheReader(model, pad, self.limit)
        return OwnCacheReader(model, self.own, self.positions)

    def __str__(self) -> str:
        alike = f"in batches of one length, {'with its own cache' if self.own else 'anew for every token'}"
        if not self.whole:
            return f"{alike}: {self.reason}"
        beyond = "" if self.limit is None else f" up to {self.limit} tokens, longer ones {alike}"
        return f"in batches of any lengths{beyond}: {self.reason}"


def sample_texts(candidates: Sequence[int]) -> list[list[int]]:
    """Two texts of `TEXT_TOKENS` of these tokens, by lot, and one of `LONG_TEXT_TOKENS`."""
    generator = torch.Generator().manual_seed(0)
    lengths = (*TEXT_TOKENS, LONG_TEXT_TOKENS)
    places = [torch.randint(len(candidates), (length,), generator=generator).tolist() for length in lengths]
    return [[candidates[place] for place in text] for text in places]


@torch.inference_mode()
def examine(model: PreTrainedModel, texts: Sequence[list[int]], pad: int, name: str) -> CacheKind:
    """Find out how a model can be read; some hundred tokens are read, twice as many where there are windows.

    Args:
        model: The model, in evaluation mode.
        texts: Three texts, see `sample_texts`.
        pad: Token for padding.
        name: What the user called the model.

    Raises:
        InputError: Texts of one length, read anew and without padding, are not read as each of them is alone.
    """
    exact = all(weights.dtype in (torch.float32, torch.float64) for weights in model.parameters())
    look, growing = _Look(model, texts, pad, EXACT if exact else ROUNDED), _growing_rope(model.config)
    try:
        alone = look.alone()
        if not all(torch.isfinite(logits).all() for logits in alone):
            return CacheKind(True, None, False, "not looked at, for it gives NaN or infinite logits")
        odd = look.odd_layers()
        fault = look.batch_of_one_length(alone, changing=growing is not None)
        if odd and growing is None:
            fault = fault or look.long_text()
    except Exception as error:  # whatever a model of another kind raises
        fault = f"reads no texts ({reason(error)})"
    if fault:
        raise InputError(f"parameter model {name}: {fault}; expected a causal language model of text")
    limits = [] if growing is None else [(growing, f"rotary positions change beyond {growing} tokens")]
    window = min((reach for *_, reach in _windows(model.config) if reach >= max(TEXT_TOKENS)), default=None)
    fault = odd
    if odd is None and (window is None or not look.whole_cache_with_narrow_windows(alone)):
        fault = look.whole_cache(alone)
        limits += [] if window is None else [(window, f"some layers see {window} tokens only")]
    if fault is None and not limits:
        return CacheKind(True, None, False, "every layer can keep the keys and values of all tokens")
    own_fault, positions = look.own_cache(alone, positions=False), False
    if own_fault:
        own_fault, positions = look.own_cache(alone, positions=True), True
    own = own_fault is None and growing is None
    if fault is not None:
        return CacheKind(False, None, own, own_fault or fault, positions, growing is not None)
    limit, why = min(limits)
    return CacheKind(True, limit, own, why, positions, growing is not None)


class _Look:
    """A model that reads two texts in one way after another; each says what is wrong with it, in a few words."""

    def __init__(self, model: PreTrainedModel, texts: Sequence[list[int]], pad: int, tolerance: float) -> None:
        self.model, self.pad, self.tolerance = model, pad, tolerance
        *self.texts, self.longer = texts

    def alone(self) -> list[torch.Tensor]:
        """Logits at every place of each text, read by itself."""
        reader = OwnCacheReader(self.model, caching=False)
        return [reader.read([text], keep=len(text))[0] for text in self.texts]

    def batch_of_one_length(self, alone: list[torch.Tensor], changing: bool) -> str | None:
        """Beginnings of both, side by side; ``changing`` where positions may change with what is behind."""
        length, reader = min(TEXT_TOKENS) - 1, OwnCacheReader(self.model, caching=False)
        beginnings = [text[:length] for text in self.texts]
        logits = reader.read(beginnings, keep=length)
        if self._error(logits, beginnings, alone) <= BROKEN * self.tolerance:
            return None
        by_itself = [reader.read([beginning], keep=length)[0] for beginning in beginnings]
        if self._error(logits, beginnings, by_itself) > BROKEN * self.tolerance:
            return "what it makes of a text depends on the other texts of a batch"
        return None if changing else LOOKS_AHEAD

    def long_text(self) -> str | None:
        """Beginnings of a longer text: layers that choose what they look at do so among many tokens only."""
        reader, text = OwnCacheReader(self.model, caching=False), self.longer
        try:
            whole = reader.read([text], keep=len(text))[0]
            for length in (len(text) // 3, len(text) // 2, 2 * len(text) // 3):
                beginning = reader.read([text[:length]], keep=length)[0]
                if _relative_error(beginning, whole[:length]) > BROKEN * self.tolerance:
                    return LOOKS_AHEAD
        except Exception:  # it may not read texts of this length at all
            return None
        return None

    def odd_layers(self) -> str | None:
        """What the cache that the model makes has besides keys and values of tokens."""
        reader = OwnCacheReader(self.model)
        try:
            reader.read([self.texts[0][:1]])
        except Exception as failure:  # whatever a model raises that was not made for this
            return f"its own cache does not serve ({reason(failure)})"
        layers = getattr(reader.cache, "layers", [])
        if not layers:
            return "it gives no cache with layers"
        odd = sorted({type(layer).__name__ for layer in layers if type(layer) not in _PLAIN})
        return f"its cache has {' and '.join(odd)}" if odd else None

    def own_cache(self, alone: list[torch.Tensor], positions: bool) -> str | None:
        """Both side by side, the end of each a token at a time."""
        reader, length = OwnCacheReader(self.model, positions=positions), min(TEXT_TOKENS)
        try:
            for end in range(length - 4, length + 1):
                rows = [text[:end] for text in self.texts]
                error = self._error(reader.read(rows), rows, alone)
                if reader.cache is None:
                    return "it gives no cache"
                if error > self.tolerance:
                    return f"with its own cache its logits are off by {error:.1g}"
        except Exception as failure:  # whatever a model raises that was not made for this
            return f"its own cache does not serve ({reason(failure)})"
        return None

    def whole_cache(self, alone: list[torch.Tensor]) -> str | None:
        """All that a `WholeCacheReader` is asked to do."""
        reader, (first, second) = WholeCacheReader(self.model, self.pad), self.texts
        odd = [first[-1]]  # stands for what an answer goes on with behind its end
        steps: list[tuple[list[list[int]], list[int] | None, int]] = [
            ([first[:4]], None, 1),
            ([first[:11], second[:7], first[:6]], [0, 0, 0], 1),  # one beginning for several
            ([first[:11] + odd, second[:8], first[:6] + odd], None, 1),
            ([first[:14], second[:11], first[:9]], None, 1),  # the odd ones are taken back
            ([first[:16], second[:13], first[:11]], None, 2),  # label tokens
            ([second[:14], first[:20], first[:12]], [1, 0, 0], 1),  # other rows, one copied, one gone
        ]
        try:
            for rows, sources, keep in steps:
                if sources:
                    reader = reader.part(sources)
                logits = reader.read(rows, keep)
                judged = [place for place, row in enumerate(rows) if row in (first[: len(row)], second[: len(row)])]
                error = self._error(logits[judged], [rows[place] for place in judged], alone)
                if error > self.tolerance:
                    return f"with a whole cache its logits are off by {error:.1g}"
                if any(type(layer) is not DynamicLayer for layer in reader.cache.layers):
                    return "it does not take a whole cache"
        except Exception as failure:  # whatever a model raises that was not made for this
            return f"a whole cache does not serve it ({reason(failure)})"
        return None

    def whole_cache_with_narrow_windows(self, alone: list[torch.Tensor]) -> bool:
        """Whether a whole cache serves where the texts are longer than the windows, as far as that can be seen."""
        try:
            with _narrow_windows(self.model.config):
                narrow = self.alone()
                seen = self._error(narrow[0][-1:, None], self.texts[:1], alone) > self.tolerance
                return seen and self.whole_cache(narrow) is None
        except Exception:  # a configuration that cannot be changed, or a model that does not work so
            return False

    def _error(self, logits: torch.Tensor, rows: Rows, alone: list[torch.Tensor]) -> float:
        """Largest error at the ends of rows, which are beginnings of the texts, relative to the logits' spread."""
        worst = [0.0]
        for row, found in zip(rows, logits, strict=True):
            text = next(i for i, text in enumerate(self.texts) if text[: len(row)] == row)
            worst.append(_relative_error(found, alone[text][: len(row)][-len(found) :]))
        return max(worst)


def _relative_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest distance of logits at any place, relative to their spread there."""
    spread = (wanted - wanted.mean(-1, keepdim=True)).norm(dim=-1)
    return ((found - wanted).norm(dim=-1) / spread.clamp(min=1e-30)).nan_to_num(torch.inf).max().item()


def _growing_rope(config: Any) -> int | None:
    """Length beyond which rotary positions depend on how much is read [tokens]; None where they never do."""
    found = []
    for part in _parts(config):
        rope = getattr(part, "rope_parameters", None) or getattr(part, "rope_scaling", None) or {}
        for kind in (rope, *rope.values()):
            if isinstance(kind, dict) and kind.get("rope_type", kind.get("type")) in ("dynamic", "longrope"):
                named = kind.get("original_max_position_embeddings")
                found.append(
                    named or getattr(part, "original_max_position_embeddings", None) or part.max_position_embeddings
                )
    return int(min(found)) if found else None


def _windows(config: Any) -> list[tuple[Any, str, int]]:
    """Where the configuration says how far layers see: the part of it, the name of the setting, the tokens."""
    settings = [(part, name, value) for part in _parts(config) for name, value in vars(part).items()]
    return [(part, name, value) for part, name, value in settings if _WINDOW.fullmatch(name) and type(value) is int]


def _parts(config: Any) -> list[Any]:
    """The configuration, and that of the text where it is a part of it."""
    text = config.get_text_config(decoder=True)
    return [config] if text is config else [config, text]


@contextmanager
def _narrow_windows(config: Any) -> Iterator[None]:
    """Let layers with a window see `NARROW` tokens meanwhile."""
    windows = _windows(config)
    try:
        for part, name, _ in windows:
            setattr(part, name, NARROW)
        yield
    finally:
        for part, name, reach in windows:
            setattr(part, name, reach)
