"""Which questions are called certain: rules beside "the one greedy answer is right", and what tuning makes of them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rtuning_helpers import steps
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.evaluation.predictions import Prediction, read_predictions, write_predictions
from rtuning_helpers.evaluation.summary import summarise
from rtuning_helpers.experiments.seeds.measure import refusal_rates
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.methods.padding import METHOD, build_padding

WELL_READ = 7  # documents from which on the mini model answers practically everything right
BANDS = ("highly known", "maybe known", "weakly known", "unknown")

Rule = Callable[[Probe, Sequence[bool]], bool]
"""(the greedy probe, whether each sampled answer is right) -> whether the question is called certain."""

RULES: dict[str, Rule] = {
    "greedy answer": lambda probe, samples: probe.correct,
    "any of k samples": lambda probe, samples: any(samples),
    "half of k samples": lambda probe, samples: sum(samples) >= len(samples) / 2,
    "all k samples": lambda probe, samples: all(samples),
    "the corpus": lambda probe, samples: probe.exposure is not None and probe.exposure >= WELL_READ,
}
"""The paper's rule, three over k samples, and the truth that only the mini world can tell."""

SHOWN = "split n accuracy ap_sure ap_mixed auroc_sure ece_sure brier_sure answer_rate willing_accuracy".split()


def right_samples(questions: Sequence[Question], answers: Sequence[Sequence[str]]) -> list[list[bool]]:
    """For each question, of any task, whether each of its k sampled answers is right."""
    return [[is_right(q, text) for text in row] for q, row in zip(questions, answers, strict=True)]


def knowledge_band(greedy_correct: bool, samples_correct: Sequence[bool]) -> str:
    """One of ``BANDS``, after Gekhman et al. (2024), with one prompt in the place of their several.

    Highly known: the greedy answer and all samples are right. Maybe known: the greedy answer is right, not all samples.
    Weakly known: the greedy answer is wrong, some sample is right. Unknown: nothing is right.

    Raises:
        ValueError: Fewer than two samples.
    """
    if len(samples_correct) < 2:
        raise ValueError(f"samples_correct has {len(samples_correct)} entries; bands need at least k = 2 samples")
    if greedy_correct:
        return BANDS[0] if all(samples_correct) else BANDS[1]
    return BANDS[2] if any(samples_correct) else BANDS[3]


def certain_labels(config: RunConfig, rule: str) -> list[bool]:
    """Which training questions a rule calls certain.

    Raises:
        ValueError: Unknown rule, or ``the corpus`` for questions whose exposure nobody knows.
        InputError: The data set has no training questions.
    """
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}; expected one of {', '.join(RULES)}")
    probes = steps.read_probes(config)
    if rule == "the corpus" and any(p.exposure is None for p in probes):
        raise ValueError("rule 'the corpus' needs questions of known exposure; expected the data set mini")
    samples = right_samples(steps.questions(config, TRAIN), [u.answers for u in steps.read_uncertainty(config)])
    return [RULES[rule](p, row) for p, row in zip(probes, samples, strict=True)]


def predictions_under(config: RunConfig, rule: str) -> dict[str, list[Prediction]]:
    """Tune by padding on a rule's labels and answer all test splits; kept in the run's folder and reused.

    Errors are those of `certain_labels`.
    """
    splits = steps.evaluation_splits(config)
    if rule == "greedy answer":
        return {split: steps.read_method_predictions(config, "padding", split) for split in splits}
    certain = certain_labels(config, rule)
    folder = step_folder(config, "label-rules", rule.replace(" ", "-"))

    def write(work: Path) -> None:
        probes = [replace(p, correct=c) for p, c in zip(steps.read_probes(config), certain, strict=True)]
        settings, records = config.settings, build_padding(probes, steps.fitted(config, TRAIN).questions)
        finetune(records, settings, work / steps.ADAPTER, seed=config.seed, description=f"{rule}: tuning")
        lm = steps.load_tuned(config, work / steps.ADAPTER)
        how: dict[str, Any] = {"description": f"{rule}: answering"}
        how |= {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
        for split in splits:
            found = predict(lm, steps.fitted(config, split).questions, **METHOD.exam, **how)
            write_predictions(work / f"predictions-{split}.jsonl", found)

    inputs = [steps.tuning_step(config, "padding")]  # so that a change of what tuning depends on is noticed
    parameters = steps.step_parameters(config, splits, steps.fitted, certain_labels)
    run_step(folder, parameters | {"labels": hashlib.sha256(bytes(certain)).hexdigest()}, write, inputs=inputs)
    return {split: read_predictions(folder / f"predictions-{split}.jsonl") for split in splits}


def measure(config: RunConfig, rule: str) -> list[dict]:
    """Tune on the labels of a rule and score all test splits, a row each.

    Returns:
        ``seed``, ``rule``; ``certain``, the share of the training questions called so; ``lucky``, the share of those
        whose fact the corpus never states, None where nobody can know; ``split``, ``n``, what `summarise` says, and
        `seeds.measure.refusal_rates`.
    """
    certain, probes = certain_labels(config, rule), steps.read_probes(config)
    unread = [p.exposure == 0 for p, is_certain in zip(probes, certain, strict=True) if is_certain]
    lucky = None if any(p.exposure is None for p in probes) else float(np.mean(unread))
    place = {"seed": config.seed, "rule": rule, "certain": float(np.mean(certain)), "lucky": lucky}
    rows = []
    for split, found in predictions_under(config, rule).items():
        scored = summarise(found, METHOD.name, split, resamples=2)  # nobody reads its intervals
        rows.append(place | {name: scored[name] for name in SHOWN} | refusal_rates(found))
    return rows
