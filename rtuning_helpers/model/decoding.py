"""Batched answers in words, with the probability that the model is sure of them.

Questions are answered in length-sorted batches (hardly any padding), decoding stops when every row of a batch has ended
its answer (`data.answer_end`, or a token that ends the sequence), and the sureness question is put to the key-value
cache that the answer left behind, so that no question is read twice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.answer_end import answer_end
from rtuning_helpers.model.forward import Prefill, token_batches
from rtuning_helpers.model.labels import label_probabilities, label_shares, label_token_ids
from rtuning_helpers.model.language_model import LanguageModel

End = Callable[[str, bool], tuple[int, bool]]
"""Where an answer ends, see `answer_end.answer_end`."""


@dataclass(frozen=True)
class Answer:
    """One generated answer.

    Attributes:
        text: The answer, cut at its end (`answer_end.answer_end`), without surrounding space.
        token_probabilities: Probability of each answer token when it was chosen; without line breaks before the answer,
            and without the token that ends it, unless the answer is empty.
        token_entropies: Entropy of the distribution over each of these tokens when it was chosen [nats].
        sure_probability: p(" sure") / (p(" sure") + p(" unsure")) after the sureness question, or the same of a
            method's own two labels; None if not asked.
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


def answer_prompts(
    lm: LanguageModel,
    question_prompts: Sequence[str],
    *,
    max_new_tokens: int = 15,
    batch_size: int = 128,
    sureness: tuple[str, str] | None = None,
    gap: str = " ",
    end: End = answer_end,
    ids: Sequence[str] | None = None,
    description: str = "answering",
) -> list[Answer]:
    """Answer every prompt greedily.

    Args:
        lm: The model.
        question_prompts: Prompts as ``prompts.question_prompt`` writes them.
        max_new_tokens: Longest answer [tokens]; 15 as in the released probing script.
        batch_size: Rows decoded at the same time.
        sureness: Also put the sureness question after each answer, with these labels for sure and unsure, such as
            `prompts.SURENESS_LABELS`.
        gap: What stands between a prompt and its answer where that is read again, see `questions.Frame`.
        end: Where an answer ends, apart from the end of sequence.
        ids: Names of the rows for error messages.
        description: Text beside the progress bar.

    Returns:
        One Answer a prompt, in the order given.

    Raises:
        NonFiniteLogitsError: NaN or infinite logits.
        InputError: The tokenizer cannot tell the two labels apart, or a prompt does not fit into the model's context.
    """
    answers: dict[int, Answer] = {}
    room = max_new_tokens + max((len(_added(lm, prompts.sureness_suffix() + s)) for s in sureness or ()), default=0)
    for rows, encoded, names in token_batches(lm, question_prompts, batch_size, description, ids, room):
        decoded = _Decoding(lm, encoded, names)
        decoded.run(max_new_tokens, end=end)
        batch = decoded.answers()
        if sureness:
            sure = _sureness(lm, decoded, [question_prompts[i] for i in rows], batch, sureness, gap)
            batch = [replace(a, sure_probability=s) for a, s in zip(batch, sure, strict=True)]
        answers |= zip(rows, batch, strict=True)
    return [answers[i] for i in range(len(question_prompts))]


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
    at_once = max(1, batch_size // k)
    for rows, encoded, names in token_batches(lm, question_prompts, at_once, description, ids, max_new_tokens):
        decoded = _Decoding(lm, encoded, names, copies=k)
        decoded.run(max_new_tokens, temperature=temperature, generator=generator)
        drawn = decoded.answers()
        for position, i in enumerate(rows):
            samples[i] = drawn[position * k : (position + 1) * k]
    return samples


class _Decoding(Prefill):
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
    def run(
        self,
        max_new_tokens: int,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
        end: End = answer_end,
    ) -> None:
        """Generate until every row has ended its answer, greedily or by sampling."""
        count = len(self.mask)
        self.written: list[list[int]] = [[] for _ in range(count)]
        self.texts: dict[int, str] = {}
        self.starts = [0] * count  # tokens of each row before its answer
        lengths = [0] * count  # number of answer tokens of each row: those before the one that ends it
        doubtful: dict[int, tuple[int, int]] = {}  # row -> characters and tokens before what may be the answer's end
        tokens, chosen, entropies = [], [], []
        for step in range(max_new_tokens):
            log_probabilities = torch.log_softmax(self.logits, dim=-1)
            entropies.append(-(log_probabilities.exp() * log_probabilities).nan_to_num(0.0).sum(-1))
            token = log_probabilities.argmax(-1, keepdim=True)
            if temperature > 0:
                token = torch.multinomial(torch.softmax(self.logits / temperature, dim=-1), 1, generator=generator)
            tokens.append(token)
            chosen.append(log_probabilities.gather(1, token))
            last = step == max_new_tokens - 1
            may_end = torch.isin(token[:, 0], self.lm.stop_token_ids).tolist()
            for row, written in enumerate(token[:, 0].tolist()):
                self.written[row].append(written)
                if row not in self.texts and (may_end[row] or last or row in doubtful):
                    self._look_for_end(row, end, last, lengths, doubtful)
            if len(self.texts) == count:
                break
            self.feed(token)
        self.tokens = torch.cat(tokens, dim=1)
        self.probabilities = torch.cat(chosen, dim=1).exp()
        self.entropies = torch.stack(entropies, dim=1)
        self.answer_lengths = torch.tensor(lengths, device=self.mask.device)

    def _look_for_end(
        self, row: int, end: End, last: bool, lengths: list[int], doubtful: dict[int, tuple[int, int]]
    ) -> None:
        """Read what a row has written so far, and close its answer if that has ended."""
        written, tokenizer = self.written[row], self.lm.tokenizer
        closed = written[-1] in self.lm.end_token_ids
        kept = written[:-1] if closed else written
        text = cast(str, tokenizer.decode(kept, skip_special_tokens=True))
        place, open_end = end(text, closed or last)
        length = len(kept)
        if place < len(text):
            known_place, known_length = doubtful.get(row, (-1, 0))
            length = known_length if place == known_place else len(kept) - 1
        if not open_end:
            self.texts[row], lengths[row] = text[:place].strip(), length
            if "\n" in text[: len(text) - len(text.lstrip())]:
                self.starts[row] = self._line_breaks(kept)
        elif place < len(text):
            doubtful[row] = (place, length)
        else:
            doubtful.pop(row, None)

    def _line_breaks(self, written: list[int]) -> int:
        """How many tokens of a row are the line breaks before its answer."""
        count = 0
        for place, token in enumerate(written, start=1):
            text = cast(str, self.lm.tokenizer.decode([token]))
            if text.strip():
                break
            count = place if "\n" in text else count
        return count

    def answers(self) -> list[Answer]:
        found = []
        probabilities, entropies = self.probabilities.tolist(), self.entropies.tolist()
        for row, (start, end) in enumerate(zip(self.starts, self.answer_lengths.tolist(), strict=True)):
            kept = slice(start, end) if start < end else slice(0, 1)
            found.append(Answer(self.texts[row], tuple(probabilities[row][kept]), tuple(entropies[row][kept])))
        return found


def _sureness(
    lm: LanguageModel,
    decoded: _Decoding,
    question_prompts: list[str],
    answers: list[Answer],
    labels: tuple[str, str],
    gap: str,
) -> list[float]:
    """P(sure) of each row, from the cache where the tokens read so far are those of the text, else by reading it."""
    answered = [prompts.answered(p, a.text, gap) for p, a in zip(question_prompts, answers, strict=True)]
    contexts = [text + prompts.sureness_suffix() for text in answered]
    label_ids = label_token_ids(lm.tokenizer, contexts[0], labels)
    suffix_ids = _added(lm, prompts.sureness_suffix())
    full = lm.tokenizer(contexts)["input_ids"]
    lengths = decoded.answer_lengths.tolist()
    as_read = [
        prompt + tokens[:n] + suffix_ids == ids
        for prompt, tokens, n, ids in zip(decoded.encoded, decoded.tokens.tolist(), lengths, full, strict=True)
    ]
    sure = np.zeros(len(contexts))
    if any(as_read):
        sure[:] = label_shares(_with_suffix(decoded, suffix_ids), label_ids)[:, 0]
    if reread := [i for i, same in enumerate(as_read) if not same]:
        sure[reread] = label_probabilities(lm, [contexts[i] for i in reread], labels)[:, 0]
    return sure.tolist()


def _added(lm: LanguageModel, text: str) -> list[int]:
    """The tokens of a text that follows a word."""
    word, whole = (lm.tokenizer(t, add_special_tokens=False)["input_ids"] for t in ("x", f"x{text}"))
    return whole[len(word) :]


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
