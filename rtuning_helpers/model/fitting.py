"""Shorten the prompts that are longer than a model's context: evidence goes first, then examples, never the question.

Questions go in and questions come out, so that probing, training and evaluation, which make their prompts from them,
read the same shortened text.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerBase

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import unreachable
from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.progress import progress_bar

_WORD = re.compile(r"\S+")
NEARBY = 4  # words around the guess at which bisection starts
REPLY_TOKENS = 8  # of the longest reply to a question about an answer, see estimators


@dataclass(frozen=True)
class Truncation:
    """What fitting a set of questions took.

    Attributes:
        questions: Number of questions.
        limit: Tokens that prompt and completion may have together; None for any number.
        longest: Length of the longest prompt before anything was cut [tokens].
        cut: Prompts that were shortened.
        tokens: Tokens that were cut, of all prompts together.
        shots: Solved examples that were left out, of all prompts together.
        unreachable: Questions that no answer gets right (`matching.unreachable`).
    """

    questions: int
    limit: int | None
    longest: int
    cut: int
    tokens: int
    shots: int
    unreachable: int = 0


@dataclass(frozen=True)
class Fitted:
    """Questions whose prompts fit, in the order given, and what was cut from them."""

    questions: tuple[Question, ...]
    truncation: Truncation


def fit_questions(
    tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question], limit: int | None, max_new_tokens: int = 15
) -> Fitted:
    """Shorten the questions whose prompt leaves no room for what follows it.

    The context (evidence, paragraphs, knowledge) loses its end, word by word; where the whole context is not enough,
    solved examples are left out, the first ones first. Question, options and labels always stay.

    Args:
        tokenizer: Tokenizer of the model.
        questions: Questions of any tasks.
        limit: Longest text [tokens]: the model's context, or the longest training example; None for no limit.
        max_new_tokens: Longest answer [tokens]; where the gold answer is longer, that counts.

    Raises:
        InputError: A question does not fit even without context and examples; the message names its id.
    """
    texts = [prompts.task_prompt(q) for q in questions]
    lengths = _lengths(tokenizer, texts)
    longest, never_right = max(lengths, default=0), len(unreachable(questions))
    if limit is None:
        return Fitted(tuple(questions), Truncation(len(questions), None, longest, 0, 0, 0, never_right))
    budgets = [limit - room for room in completion_lengths(tokenizer, questions, max_new_tokens)]
    fitted, tokens, shots = list(questions), 0, 0
    long = [i for i, (length, budget) in enumerate(zip(lengths, budgets, strict=True)) if length > budget]
    with progress_bar(len(long), "shortening prompts") as bar:
        for i in long:
            fitted[i] = _fit(tokenizer, questions[i], budgets[i], limit)
            tokens += lengths[i] - _lengths(tokenizer, [prompts.task_prompt(fitted[i])])[0]
            shots += len(questions[i].shots) - len(fitted[i].shots)
            bar.update(1)
    return Fitted(tuple(fitted), Truncation(len(questions), limit, longest, len(long), tokens, shots, never_right))


def completion_lengths(
    tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question], max_new_tokens: int
) -> list[int]:
    """Tokens to keep free behind each prompt: the answer, the longest question about it, and the end of sequence."""
    prompt = prompts.question_prompt("?")
    asked = [
        prompts.padding_completion("a", certain=False),
        f"{prompts.answer_completion('a')} {prompts.P_TRUE_QUESTION.format(first='True', second='False')} A",
        f"{prompts.answer_completion('a')} {prompts.CONFIDENCE_NUMBER}",
        f"{prompts.answer_completion('a')} {prompts.CONFIDENCE_WORDS_QUESTION}",
    ]
    read, *whole = _lengths(tokenizer, [prompt, *(prompt + text for text in asked)])
    follow_up = max(whole[0] - read, whole[1] - read, *(n - read + REPLY_TOKENS for n in whole[2:]))
    golds = _lengths(tokenizer, [prompt + prompts.answer_completion(q.answer) for q in questions])
    return [max(max_new_tokens, gold - read) + follow_up + 1 for gold in golds]


def _lengths(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[int]:
    return [len(ids) for ids in tokenizer(list(texts), verbose=False)["input_ids"]] if texts else []


def _fit(tokenizer: PreTrainedTokenizerBase, question: Question, budget: int, limit: int) -> Question:
    def length(candidate: Question) -> int:
        return _lengths(tokenizer, [prompts.task_prompt(candidate)])[0]

    for dropped in range(len(question.shots) + 1):
        candidate = replace(question, shots=question.shots[dropped:])
        whole = length(candidate)
        if whole <= budget:
            return candidate
        needed = length(replace(candidate, context=""))
        if needed <= budget:
            return _shorten_context(tokenizer, candidate, whole - budget, lambda q: length(q) <= budget)
    raise InputError(
        f"question {question.id}: its prompt has {needed} tokens without context and examples, but a limit of {limit} "
        f"tokens leaves {max(budget, 0)} for it; expected a model with a longer context, or a larger max_length"
    )


def _shorten_context(
    tokenizer: PreTrainedTokenizerBase, question: Question, excess: int, fits: Callable[[Question], bool]
) -> Question:
    """The longest beginning of the context that fits, cut between two words where it has spaces.

    Found by bisection, which the number of tokens in excess only starts near its end.
    """
    context = question.context
    ends = [0, *(word.end() for word in _WORD.finditer(context))]  # where it may be cut
    if len(ends) <= 2:
        ends = list(range(len(context) + 1))
    guess = bisect_right(ends, _place_before(tokenizer, context, excess)) - 1
    nearby = [guess + NEARBY, guess - NEARBY]
    fitting, too_long = 0, len(ends) - 1
    while too_long - fitting > 1:
        middle = nearby.pop() if nearby else (fitting + too_long) // 2
        if fitting < middle < too_long:
            if fits(replace(question, context=context[: ends[middle]])):
                fitting = middle
            else:
                too_long = middle
    return replace(question, context=context[: ends[fitting]])


def _place_before(tokenizer: PreTrainedTokenizerBase, text: str, count: int) -> int:
    """About where the last ``count`` tokens of a text begin [characters]."""
    if not tokenizer.is_fast:
        return len(text) - len(text) * count // max(_lengths(tokenizer, [text])[0], 1)
    places = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return places[-count][0] if count <= len(places) else 0
