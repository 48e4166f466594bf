"""R-Tuning's successors on the same questions: what each answers and refuses, and which reason a refusal gives.

All are tuned on the plain questions of ``mini-pararel``, by the model of all tasks, which has read the words of
unknowable questions and of premises. Four classes of unknown questions are known by construction: facts never read,
things that do not exist, false premises, and what nobody can know.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from rtuning_helpers import metrics, steps
from rtuning_helpers.data.questions import TRAIN
from rtuning_helpers.data.world.tasks import UNKNOWABLE
from rtuning_helpers.data.world.twins import MISSING, NEW_WORDINGS, PREMISE, UNKNOWABLE_ONE, UNREAD, reason_given
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.experiments.seeds.measure import refusal_rates
from rtuning_helpers.experiments.unanswerable.measure import read_refusals
from rtuning_helpers.json_files import read_records
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.craft import REFUSED, Resampled, became_known, certainty, correctness, quadrant
from rtuning_helpers.tuning.registry import PRETRAINED

METHODS = ("vanilla", "replacement", "craft", "self-aligned", "min-loss", "dpo")
SETS = {"mini-nec": MISSING, "mini-falseqa": PREMISE, "mini-selfaware": UNKNOWABLE_ONE}
"""Sets with unanswerable questions -> the class of these."""


def tunable(methods: Sequence[str] = METHODS) -> list[str]:
    """Those of the methods that can be tuned here: all but DPO, where its library is not installed."""
    return [method for method in methods if method != "dpo" or find_spec("trl")]


def score(predictions: Sequence[Prediction], untuned: Sequence[Prediction]) -> dict[str, float | None]:
    """What a method makes of answerable questions, beside the untuned model on the same ones.

    Returns:
        ``accuracy`` (answered and right, of all), ``answer_rate``, ``willing_accuracy``, ``over_refusal`` (refused, of
        those that the untuned model answers right), ``kept`` (still answered right, of the same), ``ths`` (CRaFT's
        truthful helpfulness score), ``ap`` (answers ranked by their confidence, refusals behind them), and
        `seeds.measure.refusal_rates`. None where a number does not exist.
    """
    right, before = (np.array([float(p.correct) for p in part]) for part in (predictions, untuned))
    refused = np.array([float(bool(p.refused)) for p in predictions])
    confidence = np.array([p.answer_confidence for p in predictions], dtype=float)
    given = right * (1 - refused)
    found: dict[str, Any] = {
        "accuracy": metrics.accuracy(given),
        "answer_rate": metrics.answer_rate(refused),
        "willing_accuracy": metrics.willing_accuracy(right, refused),
        "over_refusal": metrics.over_conservativeness(before, refused),
        "kept": float(given[before == 1].mean()) if before.any() else float("nan"),
        "ths": metrics.truthful_helpfulness_score(before, np.zeros_like(before), right, refused),
        "ap": metrics.average_precision(given, confidence * (1 - refused)),
    }
    numbers = {name: None if np.isnan(value) else float(value) for name, value in found.items()}
    return numbers | refusal_rates([replace(p, refused=bool(p.refused)) for p in predictions])


def score_rows(config: RunConfig, methods: Sequence[str] = METHODS) -> list[dict]:
    """`score` of the untuned model and of each method on every test split."""
    rows = []
    for split in steps.evaluation_splits(config):
        untuned = steps.read_method_predictions(config, PRETRAINED, split)
        for method in (PRETRAINED, *methods):
            found = steps.read_method_predictions(config, method, split)
            rows.append({"method": method, "split": split, "n": len(found)} | score(found, untuned))
    return rows


def unknown_questions(config: RunConfig, method: str) -> list[tuple[str, Prediction]]:
    """What a method makes of unknown test questions, each with its class; facts never read are those in-domain."""
    unread = [p for p in steps.read_method_predictions(config, method, "id") if p.exposure == 0]
    found = [(UNREAD, p) for p in unread]
    for dataset, reason in SETS.items():
        found += [(reason, p) for p in read_refusals(config, method, dataset) if not p.answerable]
    return found


def new_wording(prediction: Prediction) -> bool:
    """Whether a question that nobody can answer is asked in the wording that `twins.unknown_twins` keeps for tests."""
    ends = [part for wordings in UNKNOWABLE.values() for part in [wordings[NEW_WORDINGS].split("{s}")]]
    return any(prediction.question.startswith(first) and prediction.question.endswith(last) for first, last in ends)


def unknown_rows(config: RunConfig, methods: Sequence[str] = METHODS) -> list[dict]:
    """Of each class the questions that a method refuses, and of the sets' answerable halves those refused though known.

    Returns:
        Rows of ``method``, ``reason``, ``n`` and ``refused`` (a share). The answerable halves are the reason
        ``"answerable: <class>"``, counted among those that the untuned model answers right.
    """
    rows = []
    for method in methods:
        classes: dict[str, list[bool]] = {}
        for reason, p in unknown_questions(config, method):
            classes.setdefault(reason, []).append(bool(p.refused))
        for dataset, reason in SETS.items():
            pairs = zip(read_refusals(config, method, dataset), read_refusals(config, PRETRAINED, dataset), strict=True)
            classes[f"answerable: {reason}"] = [bool(p.refused) for p, was in pairs if was.correct]
        for reason, refused in classes.items():
            share = float(np.mean(refused)) if refused else None
            rows.append({"method": method, "reason": reason, "n": len(refused), "refused": share})
    return rows


def reason_rows(config: RunConfig, method: str = "self-aligned") -> list[dict]:
    """How often each reason is given for questions of each class: ``reason``, ``given`` ("answered" if none), ``n``."""
    counts: dict[tuple[str, str], int] = {}
    for reason, p in unknown_questions(config, method):
        cell = reason, (reason_given(p.prediction) or "another refusal") if p.refused else "answered"
        counts[cell] = counts.get(cell, 0) + 1
    return [{"reason": reason, "given": given, "n": n} for (reason, given), n in counts.items()]


def read_rehearsal(config: RunConfig) -> list[Resampled]:
    """The training questions' answers after the rehearsal, made if missing."""
    return read_records(steps.rehearsal_step(config) / "rehearsal.jsonl", Resampled)


def quadrant_table(config: RunConfig) -> pd.DataFrame:
    """The training questions by quadrant: a row a question.

    Returns:
        ``id``, ``exposure``, ``correctness`` and ``certainty`` (0 to 1), ``quadrant``, ``after`` (correctness after the
        rehearsal), ``became_known`` (the dynamic conflict, in whichever quadrant) and ``used``: "answer", "refusal" or
        "left out".
    """
    asked, uncertainty = steps.fitted(config, TRAIN).questions, steps.read_uncertainty(config)
    rows = []
    for q, before, after in zip(asked, uncertainty, read_rehearsal(config), strict=True):
        right, certain = correctness(q, before.answers), certainty(before.answers)
        name, risen = quadrant(right, certain), became_known(q, before.answers, after.answers)
        row = {"id": q.id, "exposure": q.exposure, "correctness": right, "certainty": certain, "quadrant": name}
        used = "refusal" if name == REFUSED and not risen else "answer" if name == "known, certain" else "left out"
        rows.append(row | {"after": correctness(q, after.answers), "became_known": risen, "used": used})
    return pd.DataFrame(rows)


def quadrant_rows(config: RunConfig) -> list[dict]:
    """Of each quadrant and use: ``n`` and how many became known; both also of the facts never read.

    The last two are None where nobody knows what was read.
    """
    table = quadrant_table(config)
    rows = []
    for (name, used), part in table.groupby(["quadrant", "used"]):
        row: dict[str, Any] = {"quadrant": name, "used": used, "n": len(part)}
        row |= {"became_known": int(part.became_known.sum()), "never_read": None, "never_read_became_known": None}
        if part.exposure.notna().all():
            unread = part[part.exposure == 0]
            row |= {"never_read": len(unread), "never_read_became_known": int(unread.became_known.sum())}
        rows.append(row)
    return rows
