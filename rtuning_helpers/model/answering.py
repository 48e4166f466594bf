"""Ask a model questions of any task, mixed as they come: open ones are answered in words, the others by a letter."""

from collections.abc import Sequence
from typing import Any

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_refusal
from rtuning_helpers.data.questions import OPEN, Question
from rtuning_helpers.model.decoding import Answer, answer_prompts, draw_answers
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.options import choose_options, draw_options


def answer_questions(
    lm: LanguageModel,
    questions: Sequence[Question],
    *,
    max_new_tokens: int = 15,
    batch_size: int = 128,
    sureness: tuple[str, str] | None = None,
    may_refuse: bool = False,
    description: str = "answering",
) -> list[Answer]:
    """Answer every question greedily: open ones in words, those with options by the most probable letter.

    Args:
        lm: The model.
        questions: What to ask, of any tasks and numbers of options; prompts that fit (`fitting.fit_questions`).
        max_new_tokens: Longest answer in words [tokens].
        batch_size: Questions answered at the same time.
        sureness: Also put the sureness question after each answer, with these labels for sure and unsure, such as
            `prompts.SURENESS_LABELS`.
        may_refuse: Let the model also write freely where there are options, and keep what it wrote if that is one of
            the sixteen refusals; for models that were taught to refuse in the place of an answer.
        description: Text beside the progress bar.

    Returns:
        One Answer a question, in the order given.

    Raises:
        NonFiniteLogitsError: NaN or infinite logits; the message names the question.
        InputError: A tokenizer that cannot tell two labels apart, or a prompt longer than the model's context.
    """
    answers: dict[int, Answer] = {}
    for (labels, gap), rows in _alike(questions).items():
        asked, ids = [prompts.task_prompt(questions[i]) for i in rows], [questions[i].id for i in rows]
        options: dict[str, Any] = {"batch_size": batch_size, "ids": ids, "description": description}
        if labels:
            found = choose_options(lm, asked, labels, sureness=sureness, **options)
        else:
            found = answer_prompts(lm, asked, max_new_tokens=max_new_tokens, sureness=sureness, gap=gap, **options)
        if labels and may_refuse:
            written = answer_prompts(lm, asked, max_new_tokens=max_new_tokens, **options)
            found = [
                w if is_refusal(w.text, questions[i].golds) else f for i, w, f in zip(rows, written, found, strict=True)
            ]
        answers |= zip(rows, found, strict=True)
    return [answers[i] for i in range(len(questions))]


def draw_question_answers(
    lm: LanguageModel,
    questions: Sequence[Question],
    *,
    k: int = 10,
    temperature: float = 0.7,
    seed: int = 0,
    max_new_tokens: int = 15,
    batch_size: int = 128,
    description: str = "sampling",
) -> list[list[Answer]]:
    """Draw k answers to every question (paper section 5.1: k = 10, temperature 0.7); letters where there are options.

    Returns:
        For each question, in the order given, its k answers, see `decoding.draw_answers` and `options.draw_options`.
    """
    samples: list[list[Answer]] = [[] for _ in questions]
    for (labels, _), rows in _alike(questions).items():
        asked = [prompts.task_prompt(questions[i]) for i in rows]
        options: dict[str, Any] = {"k": k, "temperature": temperature, "seed": seed, "batch_size": batch_size}
        options |= {"ids": [questions[i].id for i in rows], "description": description}
        if labels:
            drawn = draw_options(lm, asked, labels, **options)
        else:
            drawn = draw_answers(lm, asked, max_new_tokens=max_new_tokens, **options)
        for i, answers in zip(rows, drawn, strict=True):
            samples[i] = answers
    return samples


def _alike(questions: Sequence[Question]) -> dict[tuple[tuple[str, ...], str], list[int]]:
    """Row numbers of the questions that share their labels, () for open ones, and the gap before their answers."""
    groups: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for row, question in enumerate(questions):
        labels = () if question.task == OPEN else tuple(prompts.option_labels(question))
        groups.setdefault((labels, question.frame.gap), []).append(row)
    return groups
