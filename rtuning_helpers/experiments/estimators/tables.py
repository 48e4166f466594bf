"""How the estimators compare: ranking, calibration, stacks, mixtures and paired differences, a row each."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rtuning_helpers import metrics
from rtuning_helpers.confidence.calibrators import CALIBRATORS, calibrate, log_odds
from rtuning_helpers.experiments.estimators.measure import LEARNED, Judged


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
        (correct, raw), (held_out_correct, held_out) = judged.scored(name), in_domain.fitted_on(name)
        known, can_fit = ~np.isnan(raw), len(set(held_out_correct[~np.isnan(held_out)])) == 2
        right = correct[known]
        measured = {
            "auroc": metrics.auroc(right, raw[known]),
            "ap": metrics.average_precision(right, raw[known]),
            "no_skill": metrics.accuracy(right),
            "e_aurc": metrics.e_aurc(right, raw[known]),
        }
        fitted = {f"_{m}": calibrated(judged, in_domain, name, m) if can_fit else None for m in CALIBRATORS}
        for end, column in {"": raw, **fitted}.items():
            for metric in (metrics.ece, metrics.brier):
                measured[metric.__name__ + end] = math.nan if column is None else metric(right, column[known])
        rows.append(
            {"estimator": name, "samples": judged.samples_used[name], "n": len(right), "unparsed": int((~known).sum())}
            | {key: None if math.isnan(value) else value for key, value in measured.items()}
        )
    return rows


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
    halves = {name: judged.confidence[name] for name in (LEARNED, "answer probability")}
    mix = metrics.mixed_confidence(*halves.values())
    rows = _differences(judged, mix, halves, resamples, seed)
    return [{"half": row.pop("estimator")} | row for row in rows]


def paired_differences(judged: Judged, reference: str = LEARNED, seed: int = 0, resamples: int = 1000) -> list[dict]:
    """AUROC of one estimator minus that of each other one on the same answers, with paired 95 % intervals."""
    others = {name: column for name, column in judged.confidence.items() if name != reference}
    return _differences(judged, judged.confidence[reference], others, resamples, seed)


def _differences(judged: Judged, score: np.ndarray, others: dict[str, np.ndarray], *draws: int) -> list[dict]:
    """A row for each other column without NaN; none where all scored answers are right or all wrong."""
    scored, rows = ~judged.held_out, []
    correct = judged.correct[scored]
    for name, other in others.items():
        if not np.isnan(other[scored]).any() and len(set(correct.tolist())) == 2:
            pair = (correct, score[scored]), (correct, other[scored])
            gain = metrics.paired_bootstrap_difference(metrics.auroc, *pair, *draws)
            rows.append({"estimator": name} | dict(zip(("difference", "low", "high"), gain, strict=True)))
    return rows
