"""What notebook 12 tabulates: the recorded rows with all that they are compared by, and their numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from rtuning_helpers import metrics
from rtuning_helpers.experiments.real_models.measure import unpacked
from rtuning_helpers.metrics import Metric
from rtuning_helpers.tuning.registry import PRETRAINED

CONFIDENCES = ("answer", "sure", "mixed")
Rows = list[dict]


def unpack(parts: Mapping[str, Sequence[dict]]) -> dict[str, Rows]:
    """Recorded parts with arrays in the place of texts and lists, see `measure.unpacked`.

    A row of predictions gets ``mixed``, the mean of answer and sure confidence as the paper ranks (None without),
    ``untuned``: whether the untuned model is right about each question, and the columns of its questions.
    """
    found = {name: [unpacked(row) for row in rows] for name, rows in parts.items()}
    questions = {(row["seed"], row["split"]): row for row in found["questions"]}
    before = {(row["seed"], row["split"]): row for row in found["predictions"] if row["method"] == PRETRAINED}
    for row in found["predictions"]:
        place = row["seed"], row["split"]
        mixed = None if row["sure"] is None else metrics.mixed_confidence(row["answer"], row["sure"])
        row |= {"mixed": mixed, "untuned": before[place]["correct"]} | questions[place]
    return found


def scores(rows: Iterable[dict], keep: Callable[[dict], np.ndarray] | None = None) -> pd.DataFrame:
    """Accuracy, ranking and refusals of each row, NaN where a number does not exist.

    Args:
        rows: Predictions as `unpack` gives them.
        keep: Which of a row's questions count, as an array of booleans; all by default.
    """
    found = []
    for row in rows:
        kept = slice(None) if keep is None else keep(row)
        correct = row["correct"][kept].astype(float)
        line = {"method": row["method"], "split": row["split"], "seed": row["seed"], "n": len(correct)}
        line |= {"accuracy": metrics.accuracy(correct)}
        for name in CONFIDENCES:
            given = row[name] is not None
            line |= {
                f"{metric.__name__}_{name}": metric(correct, row[name][kept]) if given else np.nan
                for metric in (metrics.average_precision, metrics.auroc)
            }
        refused = None if row["refused"] is None else row["refused"][kept].astype(float)
        for rate in (metrics.answer_rate, metrics.willing_accuracy):
            columns = (refused,) if rate is metrics.answer_rate else (correct, refused)
            line[rate.__name__] = np.nan if refused is None else rate(*columns)
        found.append(line)
    return pd.DataFrame(found)


def differences(
    rows: Sequence[dict], metric: Metric, first: tuple[str, str], second: tuple[str, str]
) -> dict[str, list[float]]:
    """A metric of one method's confidence less that of another's, for each split the value of each seed.

    Args:
        rows: Predictions as `unpack` gives them.
        metric: Of correctness and confidence.
        first, second: Method and confidence, such as ``("padding", "mixed")``.
    """
    there = {(row["method"], row["split"], row["seed"]): row for row in rows}
    splits, seeds = (list(dict.fromkeys(row[name] for row in rows)) for name in ("split", "seed"))

    def value(split: str, seed: int, method: str, confidence: str) -> float:
        row = there[method, split, seed]
        return float(metric(row["correct"].astype(float), row[confidence]))

    return {split: [value(split, s, *first) - value(split, s, *second) for s in seeds] for split in splits}
