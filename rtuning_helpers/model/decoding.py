"""Batched answers in words, with the probability that the model is sure of them.

Questions are answered in length-sorted batches (hardly any padding), decoding stops when every row of a batch has ended
its answer (`data.answer_end`, or a token that ends the sequence), and the sureness question is put behind the answer as
it was read, so that no question is read twice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.answer_end import FULL_WIDTH_STOPS, answer_end
from rtuning_helpers.model.forward import Reading, token_batches
from rtuning_helpers.model.labels import ask_sureness, label_probabilities  # noqa: F401, notebook 05 finds it here
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
        decoding = _Decoding(lm, encoded, names, room)
        batch = decoding.run(max_new_tokens, end=end)
        if sureness:
            answered = [prompts.answered(question_prompts[i], a.text, gap) for i, a in zip(rows, batch, strict=True)]
            sure = ask_sureness(decoding.reading, answered, sureness)
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
        decoding = _Decoding(lm, encoded, names, max_new_tokens, copies=k)
        drawn = decoding.run(max_new_tokens, temperature=temperature, generator=generator)
        for position, i in enumerate(rows):
            samples[i] = drawn[position * k : (position + 1) * k]
    return samples


class _Decoding:
    """Prompts with the tokens generated behind them."""

    def __init__(
        self,
        lm: LanguageModel,
        encoded: Sequence[Sequence[int]],
        names: Sequence[str],
        room: int,
        copies: int = 1,
    ) -> None:
        self.lm, self.reading = lm, Reading(lm, encoded, names, room)
        self.sources = [place for place in range(len(encoded)) for _ in range(copies)]
        self.written: list[list[int]] = [[] for _ in self.sources]
        self.texts: dict[int, str] = {}  # of the rows that have ended their answer
        self.starts = [0] * len(self.sources)  # tokens of each row before its answer

    @torch.inference_mode()
    def run(
        self,
        max_new_tokens: int,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
        end: End = answer_end,
    ) -> list[Answer]:
        """Generate until every row has ended its answer, greedily or by sampling."""
        count, reading = len(self.sources), self.reading
        prompts_read = [reading.rows[place] for place in self.sources]
        lengths = [0] * count  # number of answer tokens of each row: those before the one that ends it
        doubtful: dict[int, tuple[int, int]] = {}  # row -> characters and tokens before what may be the answer's end
        chosen: list[torch.Tensor] = []
        entropies: list[torch.Tensor] = []
        logits = reading.logits[self.sources] if count > len(reading.rows) else reading.logits
        for step in range(max_new_tokens):
            token, probability, entropy = _choose(logits, temperature, generator)
            chosen.append(probability)
            entropies.append(entropy)
            last = step == max_new_tokens - 1
            may_end = torch.isin(token, self.lm.stop_token_ids).tolist()
            for row, written in enumerate(token.tolist()):
                self.written[row].append(written)
                if row not in self.texts and (may_end[row] or last or row in doubtful):
                    self._look_for_end(row, end, last, lengths, doubtful)
            if len(self.texts) == count:
                break
            rows = [read + written for read, written in zip(prompts_read, self.written, strict=True)]
            reading.read(rows, self.sources if count > len(reading.rows) else None)
            logits = reading.logits
        found = []
        told = zip(torch.stack(chosen, dim=1).tolist(), torch.stack(entropies, dim=1).tolist(), strict=True)
        for row, (probabilities, spread) in enumerate(told):
            kept = slice(self.starts[row], lengths[row]) if self.starts[row] < lengths[row] else slice(0, 1)
            found.append(Answer(self.texts[row], tuple(probabilities[kept]), tuple(spread[kept])))
        return found

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
            length = known_length if place == known_place else self._tokens_before(kept, text[place])
        if not open_end:
            self.texts[row], lengths[row] = text[:place].strip(), length
            if "\n" in text[: len(text) - len(text.lstrip())]:
                self.starts[row] = self._line_breaks(kept)
        elif place < len(text):
            doubtful[row] = (place, length)
        else:
            doubtful.pop(row, None)

    def _tokens_before(self, written: list[int], stop: str) -> int:
        """How many tokens stand before the stop that a row ends with; one of several bytes may be several tokens."""
        count = len(written) - 1
        while stop in FULL_WIDTH_STOPS and cast(str, self.lm.tokenizer.decode(written[:count])).endswith("\ufffd"):
            count -= 1
        return count

    def _line_breaks(self, written: list[int]) -> int:
        """How many tokens of a row are the line breaks before its answer."""
        count = 0
        for place, token in enumerate(written, start=1):
            text = cast(str, self.lm.tokenizer.decode([token]))
            if text.strip():
                break
            count = place if "\n" in text else count
        return count


def _choose(
    logits: torch.Tensor, temperature: float, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The next token of each row, its probability, and the entropy of the distribution [nats]; each of shape (rows,).

    Vocabularies are large: the probabilities of all words are computed once.
    """
    largest, token = logits.max(-1, keepdim=True)
    below = logits - largest
    probabilities = torch.softmax(below, dim=-1)
    # ln p = below - normaliser, so that H = -sum p ln p = normaliser - sum p below; both are small where H is
    normaliser = -probabilities.gather(1, token)[:, 0].log()
    entropy = normaliser - torch.bmm(probabilities[:, None], below[:, :, None])[:, 0, 0]
    token = token[:, 0]
    if temperature > 0:
        token = torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator)[:, 0]
    return token, probabilities.gather(1, token[:, None])[:, 0], entropy.clamp(min=0)


def _added(lm: LanguageModel, text: str) -> list[int]:
    """The tokens of a text that follows a word."""
    word, whole = (lm.tokenizer(t, add_special_tokens=False)["input_ids"] for t in ("x", f"x{text}"))
    return whole[len(word) :]
