"""Tuned on some tasks, tested on all: the mixture, one set alone, all but one. Paper section 4.2, Table 13.

Every model answers the six test sets of the data set ``multitask``. Tuning and answering are steps (`steps`), so that
an interrupted experiment goes on where it stopped, and shares its models with whatever else uses them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rtuning_helpers import steps
from rtuning_helpers.data.datasets.multitask import TRAINED_ON, UNSEEN, member, without
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.evaluation.summary import column, measured
from rtuning_helpers.metrics import accuracy, answer_rate, auroc, average_precision, willing_accuracy
from rtuning_helpers.metrics.bootstrap import paired_bootstrap_difference
from rtuning_helpers.metrics.exposure import READ_OFTEN, UNREAD, proportion_interval
from rtuning_helpers.run.profiles import MIXTURE, RunConfig

TESTED_ON = (*TRAINED_ON, UNSEEN)
ALL, ALONE, LEFT_OUT, LONGER = PARTS = ("all", "alone", "left out", "longer")
RESAMPLES = 1000


@dataclass(frozen=True)
class Trained:
    """One model of the experiment.

    Attributes:
        part: ``"all"`` (tuned on all five sets, or not at all), ``"alone"`` (on one set), ``"left out"`` (on four) or
            ``"longer"`` (on all five, with twice the passes).
        set: The set that it is tuned on, or not tuned on; "" for the parts that have all five.
        method: ``pretrained``, ``vanilla`` or ``padding``.
    """

    part: str
    set: str
    method: str

    @property
    def name(self) -> str:
        """For people."""
        names = {ALL: "all five", ALONE: f"{self.set} alone", LEFT_OUT: f"all but {self.set}", LONGER: "five, longer"}
        return names[self.part]

    def config(self, config: RunConfig) -> RunConfig:
        """The run that tunes it, for a run on ``multitask``."""
        if self.part == LONGER:
            return replace(config, epochs=2 * config.settings.epochs)
        data = {ALL: MIXTURE, ALONE: member(self.set, config.data_dir), LEFT_OUT: without(self.set, config.data_dir)}
        return replace(config, dataset=data[self.part])


UNTUNED, VANILLA, PADDING = (Trained(ALL, "", method) for method in (steps.PRETRAINED, "vanilla", "padding"))
BANDS = (
    ("never read", UNREAD, UNREAD),
    (f"read 1 to {READ_OFTEN - 1} times", 1, READ_OFTEN - 1),
    (f"read over {READ_OFTEN - 1} times", READ_OFTEN, 10**9),
)
MIXED = (UNTUNED, VANILLA, PADDING)
GRID = tuple(Trained(ALONE, name, "padding") for name in TRAINED_ON)
LEAVE_ONE_OUT = tuple(Trained(LEFT_OUT, name, "padding") for name in TRAINED_ON)
TWICE = tuple(Trained(LONGER, "", method) for method in ("vanilla", "padding"))


def check_mixture(config: RunConfig) -> None:
    """InputError unless a run is one on ``multitask``."""
    if config.dataset != MIXTURE:
        needed = f"{MIXTURE!r} (with data_dir, the real sets)"
        raise InputError(f"parameter dataset is {config.dataset!r}; this experiment needs {needed}")


def read_answers(config: RunConfig, trained: Trained, tested_on: str) -> list[Prediction]:
    """The predictions of one model on one of the six sets `TESTED_ON`; tuned and asked if that is not done yet."""
    if trained.part in (ALL, LONGER):
        return steps.read_method_predictions(trained.config(config), trained.method, tested_on)
    return steps.read_transfer_predictions(trained.config(config), trained.method, MIXTURE, tested_on)


def ranking(predictions: Sequence[Prediction]) -> tuple[Any, Any]:
    """Right or wrong, and what ranks the answers: the mean of answer and sure confidence, or the former alone."""
    mixed = column(predictions, "mixed_confidence")
    return column(predictions, "correct"), column(predictions, "answer_confidence") if mixed is None else mixed


def score(predictions: Sequence[Prediction], seed: int = 0) -> dict:
    """One cell of the experiment: the answers of one model to one test set.

    Returns:
        ``n``; ``accuracy``, ``ap`` (of `ranking`), ``ap_exposure`` (of the same answers, ranked by the number of
        documents that state the fact), ``auroc_sure`` (of P(sure), for right answers), ``auroc_read`` (of the ranking,
        for facts stated more than 60 times against facts never stated), ``answer_rate`` and ``willing_accuracy``, each
        with ``<name>_ci95``; None where a number does not exist.
    """
    correct, confidence = ranking(predictions)
    sure, refused = column(predictions, "sure_confidence"), column(predictions, "refused")
    exposures = [p.exposure for p in predictions]
    known = [exposure for exposure in exposures if exposure is not None]
    often = np.array(known) / max(*known, 1) if len(known) == len(exposures) else None
    metrics = {
        "accuracy": (accuracy, correct),
        "ap": (average_precision, correct, confidence),
        "ap_exposure": (average_precision, correct, often),
        "auroc_sure": (auroc, correct, sure),
        "answer_rate": (answer_rate, refused),
        "willing_accuracy": (willing_accuracy, correct, refused),
    }
    ends = [i for i, exposure in enumerate(exposures) if exposure == UNREAD or (exposure or 0) >= READ_OFTEN]
    read = np.array([float((exposures[i] or 0) >= READ_OFTEN) for i in ends])
    told_apart = {"auroc_read": (auroc, read, confidence[ends] if ends else None)}
    found = measured(metrics, len(correct), RESAMPLES, seed) | measured(told_apart, len(ends), RESAMPLES, seed)
    return {"n": len(correct)} | found


def cells(config: RunConfig, models: Sequence[Trained]) -> list[dict]:
    """A row for each model and test set: who was tuned on what, asked what, and `score`."""
    return [
        {"seed": config.seed, "part": m.part, "set": m.set, "method": m.method, "tested_on": tested}
        | score(read_answers(config, m, tested), config.seed)
        for m in models
        for tested in TESTED_ON
    ]


def difference(config: RunConfig, first: Trained, second: Trained, tested_on: str) -> dict:
    """AP of one model minus that of another on the same questions, with its paired 95 % interval; None without."""
    one, other = (ranking(read_answers(config, m, tested_on)) for m in (first, second))
    found = paired_bootstrap_difference(average_precision, one, other, resamples=RESAMPLES, seed=config.seed)
    values = dict(zip(("difference", "low", "high"), (None if np.isnan(v) else float(v) for v in found), strict=True))
    names = {"first": f"{first.method}, {first.name}", "second": f"{second.method}, {second.name}"}
    return {"seed": config.seed, **names, "tested_on": tested_on, **values}


def differences(config: RunConfig) -> list[dict]:
    """Padding against vanilla and against the untuned model; models that lack a set against those that had it."""
    rows = [difference(config, PADDING, other, tested) for other in (VANILLA, UNTUNED) for tested in TESTED_ON]
    for model in LEAVE_ONE_OUT:
        rows += [difference(config, model, PADDING, tested) for tested in (model.set, UNSEEN)]
        rows.append(difference(config, model, UNTUNED, model.set))
    return rows


def knowledge(config: RunConfig) -> list[dict]:
    """What the untuned model gets right on each test set, by exposure: rows with Wilson's 95 % interval.

    Returns:
        ``tested_on``, ``band`` (``"never read"``, ``"read 1 to 60 times"``, ``"read over 60 times"``), ``n``, ``rate``,
        ``low``, ``high`` and ``chance`` (of a blind guess); no rows where the exposures are unknown.
    """
    rows = []
    for tested in TESTED_ON:
        answered = read_answers(config, UNTUNED, tested)
        for band, low, high in BANDS:
            hits = [p.correct for p in answered if p.exposure is not None and low <= p.exposure <= high]
            if hits:
                bounds = dict(zip(("low", "high"), proportion_interval(sum(hits), len(hits)), strict=True))
                row = {"tested_on": tested, "band": band, "n": len(hits), "rate": sum(hits) / len(hits), **bounds}
                rows.append(row | {"chance": CHANCE[tested]})
    return rows


# Of a blind guess among what the question offers; an open question of the mini world has twenty possible answers.
CHANCE = {"pararel": 1 / 20, "mmlu": 1 / 4, "wice": 1 / 2, "hotpotqa": 1 / 4, "fever": 1 / 3, "halueval": 1 / 4}


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The whole experiment for one run on ``multitask``, 14 tunings, 15 models, 90 cells: cells and differences."""
    return {"cells": cells(config, (*MIXED, *GRID, *LEAVE_ONE_OUT, *TWICE)), "differences": differences(config)}


def by_seed(cells: Sequence[dict], metric: str) -> pd.DataFrame:
    """A number of `score`: a row for each part, set, method and test set, a column for each seed."""
    keys = ["part", "set", "method", "tested_on", "seed"]
    return pd.DataFrame(cells).astype({metric: float}).set_index(keys)[metric].unstack("seed")


def gains(
    rows: Sequence[dict], first: str = "padding", second: str = "vanilla", metric: str = "ap", part: str = ALL
) -> dict[str, list[float]]:
    """A number of one method minus that of another after tuning on all five sets, for each seed.

    Args:
        rows: All cells of the experiment.
        first, second: The methods.
        metric: One of those of `score`.
        part: `ALL`, or `LONGER` for twice the passes.

    Returns:
        ``"five sets"``: the mean over the five; then each test set by itself. NaN where the number does not exist.
    """
    values = by_seed(rows, metric).loc[part, ""]
    gain = values.loc[first] - values.loc[second]
    mean = gain.loc[list(TRAINED_ON)].mean(skipna=False)
    return {"five sets": mean.tolist(), **{tested: gain.loc[tested].tolist() for tested in TESTED_ON}}
