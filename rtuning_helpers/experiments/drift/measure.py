"""Does the split stay valid? The questions of D1 and D0 asked again and again while the model is being tuned."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, TrainerCallback

from rtuning_helpers import steps
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import IN_DOMAIN, TRAIN, Question
from rtuning_helpers.evaluation.predict import has_refused
from rtuning_helpers.json_files import read_json, read_records, write_json, write_records
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.decoding import Answer
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.loaded_questions import check_in_domain
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.methods.vanilla import METHOD, build_vanilla
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.registry import find_method

REHEARSED = "padding, rehearsed"
ARMS = ("vanilla", "padding", "replacement", REHEARSED)
MOMENTS = (0, 1 / 32, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)  # shares of all steps
REHEARSAL_EPOCHS = 2
TEST_EVERY = 3  # every third question of the in-domain test is watched


@dataclass(frozen=True)
class Sighting:
    """One question at one moment of the tuning.

    Attributes:
        step: Optimiser steps done.
        id: The question's id.
        split: ``"train"``: it is being tuned on; ``"id"``: it is not.
        certain: Whether the untuned model answered it right (D1) or not (D0).
        exposure: How often the mini model's corpus states the fact; None where nobody can know.
        correct: Whether the greedy answer is right now.
        refused: Whether the model refuses: P(sure) up to one half, or a refusal in words; None if it cannot.
        confidence: Answer confidence, 0 to 1.
        entropy: Entropy of the distribution over the answer's first token [nats].
        sure: P(sure), 0 to 1; None where it is not asked for.
    """

    step: int
    id: str
    split: str
    certain: bool
    exposure: int | None
    correct: bool
    refused: bool | None
    confidence: float
    entropy: float
    sure: float | None


class Watch(TrainerCallback):
    """Calls ``look(step, folder)`` before the first step and at given shares of all steps.

    The folder holds the adapter (or the fully tuned model) as it is at that step. The model in training is not asked
    itself: bitsandbytes repacks the weights of a 4-bit layer for inference on some CPUs, and looking would change
    what is looked at.
    """

    def __init__(self, look: Callable[[int, Path], None], moments: Sequence[float] = MOMENTS) -> None:
        self.look, self.moments = look, moments
        self.seen: set[int] = set()  # tuning may start again, in smaller batches

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        self.steps = {round(share * state.max_steps) for share in self.moments}
        self._maybe(state.global_step, model)

    def on_step_end(self, args, state, control, model=None, **kwargs):
        self._maybe(state.global_step, model)

    def _maybe(self, step: int, model: PreTrainedModel) -> None:
        if step in self.steps - self.seen:
            self.seen.add(step)
            with tempfile.TemporaryDirectory() as folder:
                model.save_pretrained(folder, safe_serialization=True)
                self.look(step, Path(folder))


def watched_questions(config: RunConfig) -> list[Question]:
    """All training questions and every third one of the in-domain test, as the run asks them; errors: `watch_step`."""
    check_in_domain(config)
    return [*steps.fitted(config, TRAIN).questions, *steps.fitted(config, IN_DOMAIN).questions[::TEST_EVERY]]


def rehearsal_step(config: RunConfig) -> Path:
    """Tune briefly on the certain questions alone and probe the training set again; writes ``became_known.json``.

    After CRaFT (Zhu et al. 2025): what a light tuning on known questions makes right was hardly unknown, and calling it
    uncertain would teach the model to doubt what it is about to know.
    """

    def write(folder: Path) -> None:
        probes, asked = steps.read_probes(config), steps.fitted(config, TRAIN).questions
        known = [(p, q) for p, q in zip(probes, asked, strict=True) if p.correct]
        records = build_vanilla([p for p, _ in known], [q for _, q in known])
        brief, adapter = replace(config.settings, epochs=REHEARSAL_EPOCHS), folder / steps.ADAPTER
        finetune(records, brief, adapter, seed=config.seed, description="rehearsal")
        answers = _look(config, steps.load_tuned(config, adapter), asked, METHOD)
        right = {q.id for q, answer in zip(asked, answers, strict=True) if is_right(q, answer.text)}
        write_json(folder / "became_known.json", [p.id for p in probes if not p.correct and p.id in right])

    folder, parameters = step_folder(config, "drift", "rehearsal"), _parameters(config) | {"epochs": REHEARSAL_EPOCHS}
    return run_step(folder, parameters, write, inputs=[steps.probe_step(config)])


def rehearsed_away(config: RunConfig) -> tuple[int, int]:
    """(uncertain questions that the rehearsal makes right, uncertain questions in all)."""
    dropped = read_json(rehearsal_step(config) / "became_known.json")
    return len(dropped), sum(not p.correct for p in steps.read_probes(config))


def tuning_records(config: RunConfig, arm: str) -> list[TuningRecord]:
    """What an arm is tuned on; ValueError if there is no such arm."""
    if arm not in ARMS:
        raise ValueError(f"arm is {arm!r}; expected one of {', '.join(ARMS)}")
    if arm != REHEARSED:
        return steps.read_tuning_records(config, arm)
    dropped = set(read_json(rehearsal_step(config) / "became_known.json"))
    return [record for record in steps.read_tuning_records(config, "padding") if record.id not in dropped]


def watch_step(config: RunConfig, arm: str, force: bool = False) -> Path:
    """Tune an arm and look at the questions on the way; writes ``sightings.jsonl`` and the adapter.

    Raises:
        InputError: The data set has no training questions, or no in-domain test questions.
    """
    check_in_domain(config)
    method = "padding" if arm == REHEARSED else arm
    records = tuning_records(config, arm)

    def write(folder: Path) -> None:
        asked, how = watched_questions(config), find_method(method)
        known = {p.id: p.correct for split in (TRAIN, IN_DOMAIN) for p in steps.read_probes(config, split)}
        sightings: list[Sighting] = []

        def look(step: int, adapter: Path) -> None:
            answers = _look(config, steps.load_tuned(config, adapter), asked, how)
            for q, answer in zip(asked, answers, strict=True):
                said = is_right(q, answer.text), has_refused(q, answer, how.may_refuse)
                numbers: tuple[Any, ...] = answer.confidence, answer.first_token_entropy, answer.sure_probability
                sightings.append(Sighting(step, q.id, q.split, known[q.id], q.exposure, *said, *numbers))

        shown: dict[str, Any] = {"seed": config.seed, "description": f"{arm}: tuning and looking"}
        finetune(records, config.settings, folder / steps.ADAPTER, **shown, callbacks=[Watch(look)])
        write_records(folder / "sightings.jsonl", sightings)

    parameters = _parameters(config) | {"arm": arm, "records": [record.id for record in records]}
    inputs = [steps.data_step(config, method), steps.probe_step(config, IN_DOMAIN)]
    return run_step(step_folder(config, "drift", arm.replace(", ", "-")), parameters, write, inputs=inputs, force=force)


def read_sightings(config: RunConfig, arm: str) -> list[Sighting]:
    """The sightings of an arm, made if missing."""
    return read_records(watch_step(config, arm) / "sightings.jsonl", Sighting)


def _parameters(config: RunConfig) -> dict:
    return steps.step_parameters(config, (TRAIN, IN_DOMAIN), steps.fitted, watch_step)


def _look(config: RunConfig, lm: LanguageModel, asked: Sequence[Question], method: Method) -> list[Answer]:
    settings = config.settings
    sizes: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
    return answer_questions(lm, asked, **method.exam, **sizes, description="looking")
