"""What the benchmarks of real models ask: ParaRel and MMLU where their files are at hand, else the mini world."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from rtuning_helpers.data import prompts
from rtuning_helpers.data.examples import draw_examples
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions


def open_questions(folder: Path | None, count: int) -> list[Question]:
    """Training questions of ParaRel, or of the mini world, by lot."""
    questions = load_questions("mini", "train") if folder is None else load_questions("pararel", "train", folder)
    return random.Random(0).sample(questions, min(count, len(questions)))


def plain_prompts(questions: list[Question]) -> list[str]:
    """The paper's prompts."""
    return [prompts.task_prompt(q) for q in questions]


def few_shot_prompts(questions: list[Question], examples: int) -> list[str]:
    """The same behind solved examples of different relations, which are not asked themselves."""
    shots = draw_examples(questions, examples, seed=0)
    return [prompts.task_prompt(replace(q, shots=shots)) for q in questions if q not in shots]


def choice_prompts(folder: Path | None, count: int) -> tuple[list[str], list[str]]:
    """Consecutive questions of MMLU's ID test set with the five examples of their subject, and the labels.

    Without MMLU's files, those of the mini world, with five of its training questions as examples.
    """
    if folder is None:
        shots = tuple(load_questions("mini-mmlu", "train", limit=5))
        questions = [replace(q, shots=shots) for q in load_questions("mini-mmlu", "id", limit=count)]
    else:
        questions = load_questions("mmlu", "id", folder)[:count]
    return [prompts.task_prompt(q) for q in questions], prompts.option_labels(questions[0])
