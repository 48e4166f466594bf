"""Batches of texts for a model to read, and what it has read of them."""

from collections.abc import Callable, Iterator, Sequence

import torch

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt
from rtuning_helpers.model.language_model import LanguageModel, check_embedded
from rtuning_helpers.model.readers import Rows
from rtuning_helpers.progress import progress_bar

USUAL_LENGTH = 256
"""Tokens of a prompt for which batch sizes are meant; of longer prompts fewer are read at a time."""


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
    batches = length_sorted_batches(
        lengths, batch_size, batch_size * usual_length, lambda length: lm.cache_kind.fits(length + room)
    )
    with progress_bar(len(texts), description) as bar:
        for rows in batches:
            yield rows, [encoded[i] for i in rows], [names[i] for i in rows]
            bar.update(len(rows))


def pad_right(lm: LanguageModel, encoded: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of a batch, shape (rows, longest), and the rows' lengths.

    A causal model sees nothing of what is behind a text, so that it needs no mask.
    """
    width, pad = max(map(len, encoded)), lm.tokenizer.pad_token_id
    tokens = torch.tensor([[*row, *[pad] * (width - len(row))] for row in encoded], device=lm.device)
    return tokens, torch.tensor([len(row) for row in encoded], device=lm.device)


class Reading:
    """Rows of tokens that a model has read together, with the logits at the end of each."""

    def __init__(
        self, lm: LanguageModel, encoded: Sequence[Sequence[int]], names: Sequence[str], room: int = 0
    ) -> None:
        """
        Args:
            lm: The model.
            encoded: Token ids of each row.
            names: Names of the rows for error messages.
            room: Tokens that are to follow each row.
        """
        self.lm, self.rows, self.names = lm, [list(row) for row in encoded], list(names)
        self.reader = lm.reader(max(map(len, self.rows)) + room)
        self.logits = self.read(self.rows)[:, -1]

    def read(self, rows: Rows, sources: Sequence[int] | None = None, keep: int = 1) -> torch.Tensor:
        """See `Reader.read`; the names follow the rows.

        Raises:
            NonFiniteLogitsError: NaN or infinite logits; the message names the row.
        """
        if sources is not None:
            self.names = [self.names[place] for place in sources]
        logits = self.reader.read(rows, sources, keep)
        # A single number a row tells: it is not finite where any of the logits is not.
        finite = torch.isfinite(torch.linalg.vector_norm(logits, ord=torch.inf, dim=-1)).all(1)
        if not bool(finite.all()):
            row = int((~finite).nonzero()[0])
            raise NonFiniteLogitsError(f"the model gave NaN or infinite logits for {self.names[row]!r}")
        self.rows, self.logits = [list(row) for row in rows], logits[:, -1]
        return logits
