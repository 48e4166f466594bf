"""Every estimator's confidence in a model's test answers, kept as a step, and how the estimators compare.

A third of the in-domain questions is held out: calibrators, the probe of P(IK), weights and stacks are fitted there.
Everything is scored on the other two thirds and on the out-of-domain questions, where there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rtuning_helpers import metrics, steps
from rtuning_helpers.confidence import columns as confidence_columns
from rtuning_helpers.confidence.calibrators import CALIBRATORS, EPSILON, calibrate
from rtuning_helpers.confidence.columns import NAMES
from rtuning_helpers.confidence.estimators import Evidence, p_ik
from rtuning_helpers.data.questions import IN_DOMAIN
from rtuning_helpers.evaluation.predict import ASKED_FOR_SURENESS
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.run_questions import check_in_domain

LEARNED, PROBED = "P(sure)", "P(IK)"
ASKING_AGAIN = ("P(True)", "verbalised number", "verbalised words")  # further questions; left to the padding model
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
        left_out = {PROBED} | (set() if method in ASKED_FOR_SURENESS else {LEARNED})
        left_out |= set() if method == "padding" else set(ASKING_AGAIN)
        names = [name for name in NAMES if name not in left_out]
        found = {}
        for split in splits:
            found[split] = confidence_columns.estimate(
                lm,
                steps.fitted(config, split).questions,
                names,
                k=settings.samples,
                temperature=settings.temperature,
                seed=config.seed,
                max_new_tokens=settings.max_new_tokens,
                batch_size=settings.answer_batch,
            )
        asked, correct = found[IN_DOMAIN].evidence.questions, found[IN_DOMAIN].evidence.correct
        fitting = np.flatnonzero(held_out_rows(len(asked)))
        for split, columns in found.items():
            confidence, used = dict(columns.confidence), dict(columns.samples_used)
            if len(set(correct[fitting])) == 2:
                batch = {"batch_size": settings.answer_batch}
                confidence[PROBED] = p_ik(lm, columns.evidence, [asked[i] for i in fitting], correct[fitting], **batch)
                if split == IN_DOMAIN:  # the probe's verdict on what it was fitted on is worth nothing
                    confidence[PROBED][fitting] = _cross_fitted(lm, columns.evidence, fitting, **batch)
                used[PROBED] = 0
            write_json(
                folder / f"judgements-{split}.json",
                {
                    "predictions": [answer.text for answer in columns.evidence.answers],
                    "correct": columns.evidence.correct.tolist(),
                    "samples": [[answer.text for answer in row] for row in columns.evidence.samples],
                    "samples_used": used,
                    "confidence": {
                        name: [None if np.isnan(value) else float(value) for value in column]
                        for name, column in confidence.items()
                    },
                },
            )

    parameters = steps.step_parameters(config, splits, steps.fitted, judgement_step) | {"method": method}
    inputs = [] if method == steps.PRETRAINED else [steps.tuning_step(config, method)]
    return run_step(step_folder(config, method, "judgements"), parameters, write, inputs=inputs, force=force)


def _cross_fitted(lm: LanguageModel, evidence: Evidence, rows: np.ndarray, batch_size: int) -> np.ndarray:
    """P(IK) of the held-out rows, each block of them judged by a probe that was fitted on the other blocks.

    NaN where the other blocks hold right or wrong answers only.
    """
    fold, found = np.arange(len(rows)) // BLOCK % FOLDS, np.full(len(rows), np.nan)
    for number in np.unique(fold):
        judged, fitted = rows[fold == number], rows[fold != number]
        if len(set(evidence.correct[fitted])) == 2:
            part = Evidence([evidence.questions[i] for i in judged], [evidence.answers[i] for i in judged])
            training = [evidence.questions[i] for i in fitted], evidence.correct[fitted]
            found[fold == number] = p_ik(lm, part, *training, batch_size=batch_size)
    return found


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


def calibrated(judged: Judged, in_domain: Judged, name: str, method: str) -> np.ndarray:
    """An estimator's confidences on the scored questions, calibrated on the held-out in-domain ones."""
    right, score = in_domain.fitted_on(name)
    return calibrate(judged.scored(name)[1], score, right, method)


def score_estimators(in_domain: Judged, judged: Judged) -> list[dict]:
    """How well every estimator ranks, and how far it is from a probability, raw and calibrated.

    Args:
        in_domain: The in-domain answers; calibrators are fitted on its held-out questions.
        judged: The answers to score: the same ones, or the out-of-domain ones.

    Returns:
        A row an estimator: ``estimator``, ``samples`` (used), ``n`` (scored answers to which it found a number),
        ``unparsed``, ``auroc``, ``ap``, ``no_skill`` (the AP of a random ranking), ``e_aurc``, and ``ece`` and
        ``brier`` raw and after each calibrator (``ece_platt`` ...); None where a number does not exist.
    """
    rows = []
    for name in judged.confidence:
        correct, score = judged.scored(name)
        known = ~np.isnan(score)
        row = {
            "estimator": name,
            "samples": judged.samples_used[name],
            "n": int(known.sum()),
            "unparsed": int((~known).sum()),
        }
        fitted_columns = [f"{metric}_{method}" for method in CALIBRATORS for metric in ("ece", "brier")]
        measured = dict.fromkeys(("auroc", "ap", "no_skill", "e_aurc", "ece", "brier", *fitted_columns))
        if known.any():
            right, raw = correct[known], score[known]
            measured |= {
                "auroc": metrics.auroc(right, raw),
                "ap": metrics.average_precision(right, raw),
                "no_skill": metrics.accuracy(right),
                "e_aurc": metrics.e_aurc(right, raw),
                "ece": metrics.ece(right, raw),
                "brier": metrics.brier(right, raw),
            }
            for method in CALIBRATORS:
                fitted = _calibrated_or_none(judged, in_domain, name, method)
                for metric in ("ece", "brier"):
                    value = None if fitted is None else getattr(metrics, metric)(right, fitted[known])
                    measured[f"{metric}_{method}"] = value
        rows.append(row | {key: None if v is None or np.isnan(v) else float(v) for key, v in measured.items()})
    return rows


def _calibrated_or_none(judged: Judged, in_domain: Judged, name: str, method: str) -> np.ndarray | None:
    right, score = in_domain.fitted_on(name)
    if len(set(right[~np.isnan(score)])) < 2:
        return None  # nothing to fit on
    return calibrated(judged, in_domain, name, method)


def log_odds(confidence: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), kept finite."""
    kept = np.clip(confidence, EPSILON, 1 - EPSILON)
    return np.log(kept / (1 - kept))


def stacked(in_domain: Judged, judged: Judged, names: Sequence[str]) -> np.ndarray:
    """Probability of a right answer from several estimators together, for the scored questions of ``judged``.

    A logistic regression over the estimators' log-odds, fitted on the held-out in-domain questions.

    Raises:
        ValueError: No names, an estimator that found no number for some answer, or held-out answers that are all right
            or all wrong.
    """
    if not names:
        raise ValueError("names is empty; expected at least one estimator")
    for name in names:
        if np.isnan(in_domain.fitted_on(name)[1]).any() or np.isnan(judged.scored(name)[1]).any():
            raise ValueError(f"confidence of {name!r} holds NaN; expected a number for every answer")
    right = in_domain.correct[in_domain.held_out]
    if len(set(right.tolist())) < 2:
        raise ValueError("the held-out answers are of one class only; expected right and wrong ones")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))
    model.fit(np.column_stack([log_odds(in_domain.fitted_on(name)[1]) for name in names]), right)
    return model.predict_proba(np.column_stack([log_odds(judged.scored(name)[1]) for name in names]))[:, 1]


def mixture_gains(judged: Judged, seed: int = 0, resamples: int = 1000) -> list[dict]:
    """AUROC of the paper's mix (half answer confidence, half P(sure)) minus that of each half, and the intervals."""
    (correct, answer), learned = judged.scored("answer probability"), judged.scored(LEARNED)[1]
    if len(set(correct.tolist())) < 2:
        return []
    rows = []
    for name, half in ((LEARNED, learned), ("answer probability", answer)):
        pair = (correct, (answer + learned) / 2), (correct, half)
        gain = metrics.paired_bootstrap_difference(metrics.auroc, *pair, seed=seed, resamples=resamples)
        rows.append({"half": name} | dict(zip(("difference", "low", "high"), gain, strict=True)))
    return rows


def paired_differences(judged: Judged, reference: str = LEARNED, seed: int = 0, resamples: int = 1000) -> list[dict]:
    """AUROC of one estimator minus that of each other one on the same answers, with paired 95 % intervals."""
    rows = []
    correct, score = judged.scored(reference)
    for name in judged.confidence:
        other = judged.scored(name)[1]
        if name == reference or np.isnan(other).any() or len(set(correct.tolist())) < 2:
            continue
        difference, low, high = metrics.paired_bootstrap_difference(
            metrics.auroc, (correct, score), (correct, other), seed=seed, resamples=resamples
        )
        rows.append({"estimator": name, "difference": difference, "low": low, "high": high})
    return rows
