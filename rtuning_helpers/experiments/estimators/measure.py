"""Every estimator's confidence in a model's test answers, and the paper's opponents of R-Tuning, kept as steps.

A third of the in-domain questions is held out: calibrators, the probe of P(IK), weights and stacks are fitted there.
Everything is scored on the other two thirds and on the out-of-domain questions, where there are any.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, cross_val_predict

from rtuning_helpers import metrics, steps
from rtuning_helpers.confidence.columns import ESTIMATORS, MODULES, estimate
from rtuning_helpers.confidence.estimators import p_ik, p_sure
from rtuning_helpers.confidence.evidence import Evidence
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import IN_DOMAIN
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.fingerprint import code_fingerprint
from rtuning_helpers.run.loaded_questions import check_in_domain
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import find_method

LEARNED, PROBED = p_sure.ESTIMATOR.name, p_ik.ESTIMATOR.name
BLOCK = 9  # neighbouring questions that stay together: three subjects of the mini world, who share their familiarity
FOLDS = 5  # of the held-out rows, for the probe's own confidences there


@dataclass(frozen=True)
class Judged:
    """One model's greedy answers to one test split, seen by every estimator.

    Attributes:
        predictions: The n answers.
        correct: Whether each is right, shape (n,).
        held_out: Which questions are for fitting and not for scoring, shape (n,); none out-of-domain.
        confidence: For each estimator its column, shape (n,), 0 to 1; NaN where it found no number.
        samples: For each question the texts of its k samples.
        samples_used: For each estimator how many samples of each question it needed.
    """

    predictions: list[str]
    correct: np.ndarray
    held_out: np.ndarray
    confidence: dict[str, np.ndarray]
    samples: list[list[str]]
    samples_used: dict[str, int]

    def scored(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(correct, confidence) of an estimator on the questions that are scored."""
        return self.correct[~self.held_out], self.confidence[name][~self.held_out]

    def fitted_on(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(correct, confidence) of an estimator on the held-out questions."""
        return self.correct[self.held_out], self.confidence[name][self.held_out]


def held_out_rows(n: int) -> np.ndarray:
    """A third of the blocks of nine neighbouring questions, drawn once for all runs, shape (n,); none of one block.

    Drawn, not counted off: every third block would catch the mini world's exposures, which go round in eights, askew.
    """
    blocks = np.random.default_rng(BLOCK).permutation(-(-n // BLOCK))
    count = max(1, len(blocks) // 3) if len(blocks) > 1 else 0
    return np.isin(np.arange(n) // BLOCK, blocks[:count])


def judgement_step(config: RunConfig, method: str, force: bool = False) -> Path:
    """Let every estimator judge a model's answers to all test splits; writes ``judgements-<split>.json``.

    Raises:
        InputError: The data set has no in-domain test questions, on which calibrators and probes are fitted.
    """
    check_in_domain(config)
    splits = steps.evaluation_splits(config)

    def write(folder: Path) -> None:
        lm, settings = steps.load_model(config, method), config.settings
        labels = find_method(method).sureness
        cannot = {"training"} | (set() if labels else {"sureness"})
        cannot |= set() if method == "padding" else {"replies"}
        names = [name for name, estimator in ESTIMATORS.items() if cannot.isdisjoint(estimator.needs)]
        how: dict[str, Any] = {"sureness": labels, "k": settings.samples, "temperature": settings.temperature}
        how |= {"seed": config.seed, "max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
        found = {split: estimate(lm, steps.fitted(config, split).questions, names, **how) for split in splits}
        known = found[IN_DOMAIN].evidence
        fitting = np.flatnonzero(held_out_rows(len(known.questions)))
        asked, right = [known.questions[i] for i in fitting.tolist()], known.correct[fitting].tolist()
        for split, columns in found.items():
            confidence, used = dict(columns.confidence), dict(columns.samples_used)
            if len(set(right)) == 2:
                fitted = replace(columns.evidence, training=asked, training_correct=right)
                confidence[PROBED] = p_ik.confidence(fitted)
                if split == IN_DOMAIN:  # the probe's verdict on what it was fitted on is worth nothing
                    confidence[PROBED][fitting] = _cross_fitted(fitted)
                used[PROBED] = 0
            judged = {
                "predictions": [answer.text for answer in columns.evidence.answers],
                "correct": columns.evidence.correct.tolist(),
                "samples": [[answer.text for answer in row] for row in columns.evidence.drawn],
                "samples_used": used,
                "confidence": {n: [None if np.isnan(v) else float(v) for v in c] for n, c in confidence.items()},
            }
            write_json(folder / f"judgements-{split}.json", judged)

    parameters = steps.step_parameters(config, splits, steps.fitted, judgement_step, *MODULES) | {"method": method}
    inputs = [] if method == steps.PRETRAINED else [steps.tuning_step(config, method)]
    return run_step(step_folder(config, method, "judgements"), parameters, write, inputs=inputs, force=force)


def _cross_fitted(evidence: Evidence) -> np.ndarray:
    """P(IK) of the training questions, each block of them judged by a probe that was fitted on the other blocks.

    NaN where one of those probes would have right or wrong answers only to learn from.
    """
    correct = np.array(evidence.training_correct)
    fold = np.arange(len(correct)) // BLOCK % FOLDS
    if any(len(set(correct[fold != number])) < 2 for number in set(fold)):
        return np.full(len(correct), np.nan)
    states, folds = p_ik.states(evidence, "training"), GroupKFold(len(set(fold)))
    return cross_val_predict(p_ik.PROBE, states, correct, groups=fold, cv=folds, method="predict_proba")[:, 1]


def read_judged(config: RunConfig, method: str, split: str) -> Judged:
    """The judgements of a model's answers to a test split, made if missing."""
    found = read_json(judgement_step(config, method) / f"judgements-{split}.json")
    n = len(found["correct"])
    return Judged(
        predictions=found["predictions"],
        correct=np.array(found["correct"], dtype=bool),
        held_out=held_out_rows(n) if split == IN_DOMAIN else np.zeros(n, dtype=bool),
        confidence={name: np.array(column, dtype=float) for name, column in found["confidence"].items()},
        samples=found["samples"],
        samples_used=found["samples_used"],
    )


def majority_answers(samples: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """The most frequent (first drawn) sample of each question and its share: Vanilla-C's answers and confidences.

    Raises:
        ValueError: A question with fewer than two samples.
    """
    short = next((i for i, row in enumerate(samples) if len(row) < 2), None)
    if short is not None:
        raise ValueError(f"samples of row {short + 1} hold {len(samples[short])} answer; k has to be at least 2")
    counts = [Counter(row).most_common(1)[0] for row in samples]
    return [text for text, _ in counts], np.array([n / len(row) for (_, n), row in zip(counts, samples, strict=True)])


def opponents_step(config: RunConfig, force: bool = False) -> Path:
    """The paper's Tables 2 and 14 to 16 for all test splits; writes ``opponents.json``. Errors: `judgement_step`."""

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
    contexts = [prompts.sureness_context(q, text) for q, text in zip(asked, answers, strict=True)]
    sizes: dict[str, Any] = {"batch_size": config.settings.answer_batch, "ids": [q.id for q in asked]}
    sure = label_probabilities(judge, contexts, prompts.SURENESS_LABELS, **sizes)[:, 0]
    majority = np.array([is_right(q, text) for text, q in zip(answers, asked, strict=True)])
    own = "answer probability"
    rows: list[tuple] = [  # the last is what the paper ranks this method's answers by
        ("R-Tuning", padding.correct, padding.confidence[own], padding.confidence[LEARNED], "mix"),
        ("Vanilla", vanilla.correct, vanilla.confidence[own], None, "answer"),
        ("R-Tuning-U", unsupervised.correct, unsupervised.confidence[own], unsupervised.confidence[LEARNED], "mix"),
        ("Vanilla-C", majority, share, None, "answer"),
        ("Vanilla-U", majority, share, sure, "sure"),
    ]
    found, seed = [], config.seed
    for name, correct, answer, sure, by in rows:
        score = answer if by == "answer" else sure if by == "sure" else metrics.mixed_confidence(answer, sure)
        ap = metrics.average_precision
        interval = list(metrics.bootstrap_interval(ap, correct, score, seed=seed))
        row = {"seed": seed, "split": split, "method": name, "n": len(correct), "accuracy": metrics.accuracy(correct)}
        row |= {"ranked_by": by, "ap": ap(correct, score), "ap_ci95": interval}
        row |= {"auroc": metrics.auroc(correct, score), "confidence": float(answer.mean())}
        row |= {"ece": metrics.ece(correct, answer), "sure": None if sure is None else float(sure.mean())}
        found.append(row)
    return found


def read_opponents(config: RunConfig) -> list[dict]:
    """R-Tuning, Vanilla, R-Tuning-U, Vanilla-C and Vanilla-U on all test splits, made if missing."""
    return read_json(opponents_step(config) / "opponents.json")
