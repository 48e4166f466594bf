"""Batched answers in words, with the probability that the model is sure of them.

Questions are answered in length-sorted batches (hardly any padding), decoding stops when every row of a batch has ended
its answer (`data.answer_end`, or a token that ends the sequence), and the sureness question is put behind the answer as
it was read, so that no question is read twice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.answer_end import FULL_WIDTH_STOPS, answer_end
from rtuning_helpers.model.forward import Reading, readings
from rtuning_helpers.model.labels import ask_sureness, label_probabilities  # noqa: F401, notebook 05 finds it here
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.out_of_memory import backing_off

STAYING = 0.75  # share of a batch's rows that go on, from which on down the others leave
CACHED_LOGITS = 2**18  # about what the cache of a processor's core holds twice or three times
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
        batch_size: Rows decoded at the same time; fewer where memory does not suffice (`out_of_memory`).
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
    room = max_new_tokens + max((len(_added(lm, prompts.sureness_suffix() + s)) for s in sureness or ()), default=0)
    answers: dict[int, Answer] = {}

    def keep(reading: Reading, ended: list[_Row]) -> None:
        sure: Sequence[float | None] = [None] * len(ended)
        if sureness:
            texts = [prompts.answered(question_prompts[row.place], row.text, gap) for row in ended]
            sure = ask_sureness(reading, texts, sureness)
        answers.update((row.place, row.answer(p)) for row, p in zip(ended, sure, strict=True))

    def answer(batch_size: int) -> None:
        # Half a batch is read at a time, and goes on with those of the other half that have not ended their answers.
        at_once, waiting = max(1, batch_size // 2), [i for i in range(len(question_prompts)) if i not in answers]
        decoding = _Decoding(lm, max_new_tokens, keep, end, together=at_once if sureness else 1)
        asked, names = [question_prompts[i] for i in waiting], ids and [ids[i] for i in waiting]
        for places, reading in readings(lm, asked, at_once, description, names, room):
            rows = zip(places, reading.rows, strict=True)
            decoding.add(reading, [_Row(lm, waiting[place], row) for place, row in rows])
            decoding.run(batch_size - at_once)
        decoding.finish()

    backing_off(answer, batch_size, "questions")
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

    Where memory does not suffice all are drawn again in smaller batches: the answers are those of that batch size, for
    a draw depends on what is drawn with it.

    Returns:
        For each prompt, in the order given, its k answers. Their token probabilities and entropies are those of the
        model itself, at temperature 1, whatever the temperature of the draw.
    """

    def draw(batch_size: int) -> list[_Row]:
        ended: list[_Row] = []
        how: dict[str, Any] = {"temperature": temperature, "generator": torch.Generator(lm.device).manual_seed(seed)}
        decoding = _Decoding(lm, max_new_tokens, lambda _, rows: ended.extend(rows), **how)
        at_once = max(1, batch_size // k)
        for places, reading in readings(lm, question_prompts, at_once, description, ids, max_new_tokens, splits=False):
            rows = [_Row(lm, place, row) for place, row in zip(places, reading.rows, strict=True) for _ in range(k)]
            copies = reading.part([place for place in range(len(places)) for _ in range(k)], logits=True)
            decoding.add(copies, rows)
            decoding.finish()
        return ended

    samples: list[list[Answer]] = [[] for _ in question_prompts]
    for row in sorted(backing_off(draw, batch_size, "answers"), key=lambda row: row.lot):
        samples[row.place].append(row.answer())
    return samples


class _Row:
    """A prompt with the tokens written behind it."""

    def __init__(self, lm: LanguageModel, place: int, prompt: list[int]) -> None:
        self.lm, self.place, self.prompt = lm, place, prompt
        self.lot = 0  # its number among the rows that were taken up with it
        self.written: list[int] = []
        self.told: list[tuple[float, float]] = []  # probability and entropy of each
        self.ended = False
        self.text = ""  # of the answer, when it has ended
        self._kept = slice(0, 1)  # tokens of the answer
        self._doubtful: tuple[int, int] | None = None  # characters and tokens before what may be the answer's end

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.written

    def answer(self, sure_probability: float | None = None) -> Answer:
        told = self.told[self._kept]
        return Answer(self.text, tuple(p for p, _ in told), tuple(h for _, h in told), sure_probability)

    def write(self, token: int, told: tuple[float, float], may_end: bool, last: bool, end: End) -> None:
        """Go on with a token, and look whether the answer has ended."""
        self.written.append(token)
        self.told.append(told)
        if not self.ended and (may_end or last or self._doubtful):
            self._look_for_end(last, end)

    def _look_for_end(self, last: bool, end: End) -> None:
        closed = self.written[-1] in self.lm.end_token_ids
        kept = self.written[:-1] if closed else self.written
        text = cast(str, self.lm.tokenizer.decode(kept, skip_special_tokens=True))
        place, open_end = end(text, closed or last)
        length = len(kept)
        if place < len(text):
            known_place, known_length = self._doubtful or (-1, 0)
            length = known_length if place == known_place else self._tokens_before(kept, text[place])
        if open_end:
            self._doubtful = (place, length) if place < len(text) else None
            return
        self.ended, self.text = True, text[:place].strip()
        start = self._line_breaks(kept) if "\n" in text[: len(text) - len(text.lstrip())] else 0
        self._kept = slice(start, length) if start < length else slice(0, 1)

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


class _Rows:
    """Rows with what was read of them."""

    reading: Reading

    def __init__(self) -> None:
        self.rows: list[_Row] = []

    def add(self, reading: Reading, rows: list[_Row]) -> None:
        if self.rows:
            self.reading.join(reading)
        else:
            self.reading = reading
        self.rows = self.rows + rows

    def part(self, places: list[int]) -> tuple[Reading, list[_Row]]:
        return self.reading.part(places), [self.rows[place] for place in places]


class _Decoding:
    """Rows that are written side by side, greedily or by sampling; those that have ended their answer leave."""

    def __init__(
        self,
        lm: LanguageModel,
        max_new_tokens: int,
        keep: Callable[[Reading, list[_Row]], None],
        end: End = answer_end,
        together: int = 1,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        """
        Args:
            lm: The model.
            max_new_tokens: Longest answer [tokens].
            keep: Takes rows that have ended, with what was read of them.
            end: Where an answer ends.
            together: How many of them it takes at a time, at least, as long as there are more.
            temperature: Of the draw; greedily where 0.
            generator: For the draw.
        """
        self.lm, self.max_new_tokens, self.end = lm, max_new_tokens, end
        self.keep, self.together = keep, together
        self.temperature, self.generator = temperature, generator
        self.going, self.ended = _Rows(), _Rows()
        self.lots = 0  # rows since there were none

    def add(self, reading: Reading, rows: list[_Row]) -> None:
        """Take up further rows, with what was read of them."""
        if not self.going.rows:
            self.lots = 0
        for row in rows:
            row.lot, self.lots = self.lots, self.lots + 1
        self.going.add(reading, rows)

    def run(self, until: int) -> None:
        """Write until at most so many rows are left; where rows cannot come and go, until none is."""
        leaves = self.going.reading.can_join
        until = until if leaves else 0
        while len(self.going.rows) > until:
            self._write()
            places = [place for place, row in enumerate(self.going.rows) if not row.ended]
            if len(places) <= max(until, STAYING * len(self.going.rows) if leaves else 0):
                self._leave(places)
            if self.going.rows:
                self.going.reading.read([row.tokens for row in self.going.rows])

    def finish(self) -> None:
        """Write until all rows have ended."""
        if self.going.rows:
            self.run(0)
        self._hand_on()

    def _write(self) -> None:
        """The next token of each row."""
        drawn = self._draw() if self.temperature > 0 else None
        tokens, probabilities, entropies = _choose(self.going.reading.logits, drawn)
        may_end = torch.isin(tokens, self.lm.stop_token_ids)
        # One transfer for all; numbers of tokens are exact in float32, and Apple's GPUs have no float64.
        told = torch.stack([tokens.float(), may_end.float(), probabilities, entropies], dim=1)
        for row, (token, stop, probability, entropy) in zip(self.going.rows, told.tolist(), strict=True):
            last = len(row.written) == self.max_new_tokens - 1
            row.write(int(token), (probability, entropy), bool(stop), last, self.end)

    def _draw(self) -> torch.Tensor:
        """A token for each row, by lot. Lots are drawn for those that have left, too: none depends on others' ends."""
        chances = torch.softmax(self.going.reading.logits / self.temperature, dim=-1)
        lots = torch.empty(self.lots, chances.shape[1], device=chances.device).exponential_(generator=self.generator)
        return (chances / lots[[row.lot for row in self.going.rows]]).argmax(-1)

    def _leave(self, staying: list[int]) -> None:
        ended = [place for place, row in enumerate(self.going.rows) if row.ended]
        self.ended.add(*self.going.part(ended))
        if len(self.ended.rows) >= self.together or not self.ended.reading.can_join:
            self._hand_on()
        stay = self.going.part(staying) if staying else None
        self.going = _Rows()
        if stay:
            self.going.add(*stay)

    def _hand_on(self) -> None:
        if self.ended.rows:
            self.keep(self.ended.reading, self.ended.rows)
            self.ended = _Rows()


def _choose(logits: torch.Tensor, drawn: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The next token of each row, its probability, and the entropy of the distribution [nats]; each of shape (rows,).

    Vocabularies are large, and a processor computes with a few rows much faster as long as they fit into its cache.

    Args:
        logits: Shape (rows, vocabulary).
        drawn: The tokens, if they are not the most probable ones.
    """
    at_once = max(1, CACHED_LOGITS // logits.shape[1]) if logits.device.type == "cpu" else len(logits)
    told = []
    for start in range(0, len(logits), at_once):
        some = logits[start : start + at_once]
        largest, best = some.max(-1, keepdim=True)
        token = best if drawn is None else drawn[start : start + at_once, None]
        below = some - largest
        probabilities = torch.softmax(below, dim=-1)
        # ln p = below - normaliser, so that H = -sum p ln p = normaliser - sum p below; both are small where H is
        normaliser = -probabilities.gather(1, best)[:, 0].log()
        entropy = normaliser - torch.bmm(probabilities[:, None], below[:, :, None])[:, 0, 0]
        told.append((token[:, 0], probabilities.gather(1, token)[:, 0], entropy.clamp(min=0)))
    tokens, chances, entropies = (torch.cat(parts) for parts in zip(*told, strict=True))
    return tokens, chances, entropies


def _added(lm: LanguageModel, text: str) -> list[int]:
    """The tokens of a text that follows a word."""
    word, whole = (lm.tokenizer(t, add_special_tokens=False)["input_ids"] for t in ("x", f"x{text}"))
    return whole[len(word) :]
