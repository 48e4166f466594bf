"""How long a run will take here: a few questions answered, a few records tuned on, and counted up."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import TRAIN
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.answering import answer_questions, draw_question_answers
from rtuning_helpers.model.threads import one_thread
from rtuning_helpers.probe.probing import Probe, probe
from rtuning_helpers.processes import give_memory_back
from rtuning_helpers.run.loaded_questions import evaluation_splits
from rtuning_helpers.run.profiles import AUTO, FEW_SHOT, PLAIN, Profile, RunConfig
from rtuning_helpers.run.run_model import load_tuned
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.methods.padding import build_padding
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.registry import find_method

ASKED, DRAWN = 16, 3  # questions to try with
LOADING_SECONDS = 15.0  # of a notebook's libraries and models, at about five times
SHOWN_QUESTIONS, SHOWN_PASSES = 400, 40  # what notebook 04 asks two models, at most, and tunes of its own


@dataclass(frozen=True)
class RunTime:
    """How long a run takes [s]: probing and sampling, tuning, answering the test questions, loading."""

    probing: float
    tuning: float
    testing: float
    loading: float = 5 * LOADING_SECONDS

    def __str__(self) -> str:
        parts = f"probing {_words(self.probing)}, tuning {_words(self.tuning)}, testing {_words(self.testing)}"
        return f"about {_words(self.probing + self.tuning + self.testing + self.loading)} ({parts})"


def estimate_time(config: RunConfig, methods: Sequence[str]) -> RunTime:
    """How long a whole run takes on this machine, as busy as it is, by trying a little of each of its parts.

    The style ``auto`` counts as few-shot, whose prompts are the longest, or as plain where they do not fit.

    Raises:
        InputError: Bad data.
    """
    config = _in_style(config)
    settings, training = config.settings, steps.fitted(config.tuning, TRAIN).questions
    answerable = [q for q in training if q.answerable]
    some = answerable[:: max(1, len(answerable) // ASKED)][:ASKED]
    how: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}

    lm = load_tuned(config, None)
    probes: list[Probe] = []
    asked = _seconds(lambda: probes.extend(probe(lm, some, **how))) / len(some)  # noqa: B023
    few = some[:DRAWN]
    drawn = _seconds(lambda: draw_question_answers(lm, few, k=settings.samples, **how)) / len(few)
    del lm
    give_memory_back()

    at_once = steps.tuned_at_once(config, len(methods))
    with tempfile.TemporaryDirectory() as folder:
        with one_thread() if at_once > 1 else nullcontext():
            tuned = _seconds_a_pass(build_padding(probes, some), settings, Path(folder))
        lm = load_tuned(config, Path(folder))
        answered = {
            labels: _seconds(lambda: answer_questions(lm, some, sureness=labels, **how)) / len(some)  # noqa: B023
            for labels in (None, prompts.SURENESS_LABELS)
        }
    tests = sum(len(steps.questions(config, split)) for split in evaluation_splits(config))
    passes = ceil(len(training) / settings.batch_size) * settings.epochs
    shown = SHOWN_PASSES * tuned + 2 * min(SHOWN_QUESTIONS, len(training)) * asked
    exams = [answered[prompts.SURENESS_LABELS if find_method(name).sureness else None] for name in methods]
    return RunTime(
        probing=len(training) * (config.permutations * asked + drawn),
        tuning=ceil(len(methods) / at_once) * passes * tuned + shown,
        testing=tests * (asked + sum(exams)),
    )


def _in_style(config: RunConfig) -> RunConfig:
    """The run in a style that stands for ``auto``."""
    if config.style != AUTO:
        return config
    few_shot = config.in_style(FEW_SHOT)
    try:
        steps.fitted(few_shot.tuning, TRAIN)
    except InputError:
        return config.in_style(PLAIN)
    return few_shot


def _seconds_a_pass(records: list[TuningRecord], settings: Profile, folder: Path) -> float:
    """How long it takes to tune on one batch, when the first one is done, which takes longer; the adapter is kept."""
    clock = _Clock()
    two = replace(settings, batch_size=max(1, min(settings.batch_size, len(records) // 2)), accumulation=1, epochs=1)
    finetune(records[: 2 * two.batch_size], two, folder, description="trying to tune", callbacks=[clock])
    return clock.seconds * settings.batch_size / two.batch_size


class _Clock(TrainerCallback):
    """How long the last step took."""

    def on_step_begin(self, args, state, control, **kwargs):
        self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        self.seconds = time.perf_counter() - self.started


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _words(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
