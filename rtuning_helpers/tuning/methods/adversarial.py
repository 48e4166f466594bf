"""Padding under pressure: half of the questions are asked misspelt, or with something that leans on the answer."""

import random
from collections.abc import Sequence
from dataclasses import replace

from rtuning_helpers.data import prompts
from rtuning_helpers.data.pressure import DOWN, UP, plain_words, taught_attacks
from rtuning_helpers.data.questions import Question
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.methods.padding import build_padding
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord

SHARE = 0.5  # of the questions that are asked under pressure


def build_adversarial(
    probes: Probes, questions: Sequence[Question] | None = None, *, seed: int = 0
) -> list[TuningRecord]:
    """The records of padding, every second of them with its question under one of the taught kinds of pressure.

    Answer and label stay: what is known does not hang on how it is asked for. As many records as padding has, so that
    both take the same time. Arguments and errors as `build_sureness`; ``seed`` is that of the lots.
    """
    records, rng = build_padding(probes, questions), random.Random(seed)
    asked = questions or [Question(p.id, p.dataset, p.split, p.question, p.answer, p.relation) for p in probes]
    attacks = taught_attacks(plain_words(asked))
    found = []
    for record, question in zip(records, asked, strict=True):
        if rng.random() < SHARE:
            (changed,) = rng.choice(attacks).on([question], rng.choice((UP, DOWN)), seed)
            record = replace(record, prompt=prompts.task_prompt(changed))
        found.append(record)
    return found


METHOD = Method(
    name="adversarial",
    build=build_adversarial,
    order=4.5,
    look=Look("padding, pressed", colour=15, line=(0, (6, 1, 1, 1)), marker="X"),
    needs=("seed",),
    sureness=prompts.SURENESS_LABELS,
)
