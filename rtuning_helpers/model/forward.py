"""Batches of texts for a model to read, and what it has read of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt
from rtuning_helpers.model.language_model import LanguageModel, check_embedded
from rtuning_helpers.model.readers import Reader, Rows, WholeCacheReader
from rtuning_helpers.progress import progress_bar

USUAL_LENGTH = 256
"""Tokens of a prompt for which batch sizes are meant; of longer prompts fewer are read at a time."""


LEAST_SHARED = 16
"""Tokens of a beginning that is worth being read apart."""
PASS_COSTS = 48
"""Tokens that a pass over a model costs beside those that are read."""


class NonFiniteLogitsError(RuntimeError):
    """The model gave NaN or infinite logits; the message names the question."""


def length_sorted_batches(
    lengths: Sequence[int],
    batch_size: int,
    most_tokens: int | None = None,
    mixes: Callable[[int], bool] = lambda length: True,
) -> list[list[int]]:
    """Row numbers in batches of similar length, longest first (so that a lack of memory shows at once).

    Args:
        lengths: Length of each row [tokens].
        batch_size: Rows of a batch, at most.
        most_tokens: Tokens of a padded batch, at most (but one row at least); any number by default.
        mixes: Whether rows of a length may come with shorter ones; if not, all rows of their batch are as long.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches = []
    while order:
        count, longest = batch_size, lengths[order[0]]
        if most_tokens is not None:
            count = max(1, min(count, most_tokens // max(longest, 1)))
        if not mixes(longest):
            count = min(count, sum(lengths[i] == longest for i in order))
        batches.append(order[:count])
        order = order[count:]
    return batches


def token_batches(
    lm: LanguageModel,
    texts: Sequence[str],
    batch_size: int,
    description: str | None = None,
    ids: Sequence[str] | None = None,
    usual_length: int = USUAL_LENGTH,
) -> Iterator[tuple[list[int], list[list[int]], list[str]]]:
    """Batches of texts: their row numbers, their token ids, and their names for error messages.

    Args:
        lm: The model.
        texts: What it is to read.
        batch_size: Texts at a time, at most; fewer where they are longer than ``usual_length``.
        description: Text beside the progress bar; None for no bar.
        ids: Names of the texts; by default the texts themselves.
        usual_length: Length for which the batch size is meant [tokens].

    Raises:
        InputError: A text does not fit into the model's context, or holds a token that the model does not embed.
    """
    encoded, names = _encode(lm, texts, ids)
    with progress_bar(len(texts), description) as bar:
        for rows in _batches(lm, [len(row) for row in encoded], batch_size, usual_length):
            yield rows, [encoded[i] for i in rows], [names[i] for i in rows]
            bar.update(len(rows))


def readings(
    lm: LanguageModel,
    texts: Sequence[str],
    batch_size: int,
    description: str | None = None,
    ids: Sequence[str] | None = None,
    room: int = 0,
    splits: bool = True,
) -> Iterator[tuple[list[int], "Reading"]]:
    """Batches of texts as a model has read them, with their row numbers; beginnings that texts share are read once.

    Args:
        room: Tokens that are to follow each text.
        splits: Whether batches are taken apart where that saves padding, see `likewise`.

    The others, and what is raised, are those of `token_batches`, and `NonFiniteLogitsError`.
    """
    encoded, names = _encode(lm, texts, ids, room)
    longest = max(map(len, encoded), default=0) + room
    groups = shared_beginnings(encoded) if lm.cache_kind.fits(longest) else [(0, list(range(len(encoded))))]
    with progress_bar(len(texts), description) as bar:
        for shared, members in groups:
            beginning = lm.reader(longest)
            if shared:
                beginning.read([encoded[members[0]][:shared]])
            lengths = [len(encoded[i]) for i in members]
            for batch in _batches(lm, lengths, batch_size, USUAL_LENGTH, room):
                for part in likewise([lengths[i] for i in batch]) if splits else [range(len(batch))]:
                    rows = [members[batch[i]] for i in part]
                    reader = beginning.part([0] * len(rows)) if shared else lm.reader(lengths[batch[0]] + room)
                    reading = Reading(lm, reader, [names[i] for i in rows])
                    reading.read([encoded[i] for i in rows])
                    yield rows, reading
                    bar.update(len(rows))


def shared_beginnings(encoded: Rows) -> list[tuple[int, list[int]]]:
    """Groups of rows with the same beginning: its length [tokens], 0 for rows with none, and the rows' numbers."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(encoded):
        groups.setdefault(tuple(row[:LEAST_SHARED]), []).append(place)
    alone, found = [], []
    for members in groups.values():
        for shared, rows in _split(encoded, members, LEAST_SHARED):
            if shared:
                found.append((shared, rows))
            else:
                alone += rows
    return found + ([(0, alone)] if alone else [])


def _split(encoded: Rows, members: list[int], width: int) -> list[tuple[int, list[int]]]:
    """Rows that are alike in their first ``width`` tokens, in one group, or in several with longer beginnings."""
    rows = [encoded[i] for i in members]
    shortest = min(map(len, rows))
    shared = next((n for n in range(shortest) if len({row[n] for row in rows}) > 1), shortest)
    shared = min(shared, shortest - 1)  # the last token has to be read for its logits
    if len(members) == 1 or shared < LEAST_SHARED:
        return [(0, members)]
    whole = (len(members) - 1) * shared
    parts: dict[tuple[int, ...], list[int]] = {}
    for place, row in zip(members, rows, strict=True):
        parts.setdefault(tuple(row[: 2 * width]), []).append(place)
    if max(map(len, rows)) <= width:
        return [(shared, members)]
    split = [group for part in parts.values() for group in _split(encoded, part, 2 * width)]
    saved = sum((len(group) - 1) * length for length, group in split)
    return split if saved > whole else [(shared, members)]


def _encode(
    lm: LanguageModel, texts: Sequence[str], ids: Sequence[str] | None, room: int = 0
) -> tuple[list[list[int]], list[str]]:
    """Token ids and names of texts that fit."""
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
    return encoded, names


def _batches(
    lm: LanguageModel, lengths: Sequence[int], batch_size: int, usual_length: int, room: int = 0
) -> list[list[int]]:
    most_tokens, kind = batch_size * usual_length, lm.cache_kind
    return length_sorted_batches(lengths, batch_size, most_tokens, lambda length: kind.fits(length + room))


def pad_right(lm: LanguageModel, encoded: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of a batch, shape (rows, longest), and the rows' lengths.

    A causal model sees nothing of what is behind a text, so that it needs no mask.
    """
    width, pad = max(map(len, encoded)), lm.tokenizer.pad_token_id
    tokens = torch.tensor([[*row, *[pad] * (width - len(row))] for row in encoded], device=lm.device)
    return tokens, torch.tensor([len(row) for row in encoded], device=lm.device)


class Reading:
    """Rows of tokens that a model has read together, with the logits at the end of each."""

    def __init__(self, lm: LanguageModel, reader: Reader, names: Sequence[str]) -> None:
        """
        Args:
            lm: The model.
            reader: Its reader, with what it may have read of the rows' beginnings.
            names: Names of the rows for error messages.
        """
        self.lm, self.reader, self.names = lm, reader, list(names)
        self.rows: list[list[int]] = []
        self.logits: Any = None  # at the end of each row, shape (rows, vocabulary), where they are kept

    @property
    def can_join(self) -> bool:
        """Whether rows come and go without being read again."""
        return self.reader.can_join

    def read(self, rows: Rows, keep: int = 1) -> torch.Tensor:
        """See `Reader.read`.

        Raises:
            NonFiniteLogitsError: NaN or infinite logits; the message names the row.
        """
        logits = self.reader.read(rows, keep)
        finite = torch.isfinite(logits.sum(-1)).all(1)  # a sum is not finite where any of the logits is not
        if not bool(finite.all()):
            row = int((~finite).nonzero()[0])
            raise NonFiniteLogitsError(f"the model gave NaN or infinite logits for {self.names[row]!r}")
        self.rows, self.logits = [list(row) for row in rows], logits[:, -1]
        return logits

    def part(self, places: Sequence[int], logits: bool = False) -> "Reading":
        """Some of the rows, in this order, each as often as it is named; this one stays what it is.

        Args:
            places: Their numbers.
            logits: Whether to keep their logits, too.
        """
        taken = Reading(self.lm, self.reader.part(places), [self.names[place] for place in places])
        taken.rows = [self.rows[place] for place in places]
        taken.logits = self.logits[list(places)] if logits else None
        return taken

    def join(self, other: "Reading") -> None:
        """Go on with the rows of another one behind its own."""
        cast(WholeCacheReader, self.reader).join(cast(WholeCacheReader, other.reader))
        self.names, self.rows = self.names + other.names, self.rows + other.rows
        kept = self.logits is not None and other.logits is not None
        self.logits = torch.cat([self.logits, other.logits]) if kept else None


def likewise(lengths: Sequence[int]) -> list[list[int]]:
    """Rows that are best read together: apart by length where that saves more padding than a pass costs."""
    waiting, found = [sorted(range(len(lengths)), key=lambda row: lengths[row])], []
    while waiting:
        rows = waiting.pop()
        savings = [count * (lengths[rows[-1]] - lengths[rows[count - 1]]) for count in range(1, len(rows))]
        if max(savings, default=0) > PASS_COSTS:
            count = savings.index(max(savings)) + 1
            waiting += [rows[:count], rows[count:]]
        else:
            found.append(sorted(rows))
    return found
