"""The rows of the paper's Tables 2 and 14 to 16: R-Tuning, R-Tuning-U, and the opponents that only test uncertainty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtuning_helpers import metrics, steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.experiments.estimators.measure import LEARNED, judgement_step, read_judged
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.labels import SURENESS_LABELS, label_probabilities
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.fingerprint import code_fingerprint
from rtuning_helpers.run.profiles import RunConfig


def majority_answers(samples: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """The most frequent sample of each question and its share: Vanilla-C's answers and confidences.

    Of equally frequent ones the first drawn is taken.

    Raises:
        ValueError: A question with fewer than two samples.
    """
    short = next((i for i, row in enumerate(samples) if len(row) < 2), None)
    if short is not None:
        raise ValueError(f"samples of row {short + 1} hold {len(samples[short])} answer; k has to be at least 2")
    counts = [Counter(row).most_common(1)[0] for row in samples]
    return [text for text, _ in counts], np.array([n / len(row) for (_, n), row in zip(counts, samples, strict=True)])


def opponents_step(config: RunConfig, force: bool = False) -> Path:
    """Rows of the paper's Tables 2 and 14 to 16 for all test splits; writes ``opponents.json``.

    Raises:
        InputError: As `judgement_step`.
    """

    def write(folder: Path) -> None:
        judge = steps.load_model(config, "unsupervised")
        splits = steps.evaluation_splits(config)
        write_json(folder / "opponents.json", [row for split in splits for row in _opponents(config, split, judge)])

    inputs = [judgement_step(config, method) for method in ("vanilla", "padding", "unsupervised")]
    parameters = {"code": code_fingerprint(steps.fitted, opponents_step)}
    return run_step(step_folder(config, "vanilla", "opponents"), parameters, write, inputs=inputs, force=force)


def _opponents(config: RunConfig, split: str, judge: LanguageModel) -> list[dict]:
    asked = steps.fitted(config, split).questions
    vanilla, padding, unsupervised = (read_judged(config, m, split) for m in ("vanilla", "padding", "unsupervised"))
    answers, share = majority_answers(vanilla.samples)
    contexts = [
        f"{prompts.task_prompt(q)} {text}{prompts.sureness_suffix()}" for q, text in zip(asked, answers, strict=True)
    ]
    sizes = {"batch_size": config.settings.answer_batch, "ids": [q.id for q in asked]}
    sure = label_probabilities(judge, contexts, SURENESS_LABELS, **sizes)[:, 0]
    majority = np.array([is_right(q, text) for text, q in zip(answers, asked, strict=True)])
    own = "answer probability"
    rows = [
        ("R-Tuning", padding.correct, padding.confidence[own], padding.confidence[LEARNED], "mix"),
        ("Vanilla", vanilla.correct, vanilla.confidence[own], None, "answer"),
        ("R-Tuning-U", unsupervised.correct, unsupervised.confidence[own], unsupervised.confidence[LEARNED], "mix"),
        ("Vanilla-C", majority, share, None, "answer"),
        ("Vanilla-U", majority, share, sure, "sure"),
    ]
    return [_opponent(*row, split=split, seed=config.seed) for row in rows]


def _opponent(
    name: str,
    correct: np.ndarray,
    answer: np.ndarray,
    sure: np.ndarray | None,
    ranked_by: str,
    *,
    split: str,
    seed: int,
) -> dict:
    """One row; ``ranked_by`` is what the paper ranks this method's answers by."""
    score = {"answer": answer, "sure": sure, "mix": None if sure is None else (answer + sure) / 2}[ranked_by]
    return {
        "seed": seed,
        "split": split,
        "method": name,
        "n": len(correct),
        "accuracy": metrics.accuracy(correct),
        "ranked_by": ranked_by,
        "ap": metrics.average_precision(correct, score),
        "ap_ci95": list(metrics.bootstrap_interval(metrics.average_precision, correct, score, seed=seed)),
        "auroc": metrics.auroc(correct, score),
        "confidence": float(answer.mean()),
        "ece": metrics.ece(correct, answer),
        "sure": None if sure is None else float(sure.mean()),
    }


def read_opponents(config: RunConfig) -> list[dict]:
    """R-Tuning, Vanilla, R-Tuning-U, Vanilla-C and Vanilla-U on all test splits, made if missing."""
    return read_json(opponents_step(config) / "opponents.json")
