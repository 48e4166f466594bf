"""The questions watched over several seeds, counted: what notebook 11 reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.metrics.exposure import EXPOSURE_BINS
from rtuning_helpers.run.profiles import RunConfig

if TYPE_CHECKING:
    from rtuning_helpers.experiments.drift.measure import Sighting

CONFIDENT, VERY_CONFIDENT = 0.5, 0.9  # answer confidences above which a wrong answer is counted


def counted(sightings: Sequence["Sighting"]) -> pd.DataFrame:
    """Counts and means for each step, split, set (D1 or D0) and exposure bin.

    Returns:
        Columns ``step, split, certain, exposure`` (label of the bin, "" where unknown), ``n``, ``right``, ``refused``,
        ``right_refused``, ``confident_wrong`` and ``very_confident_wrong`` (counts; wrong, not refused, answer
        confidence above 0.5 and 0.9), and the means ``confidence``, ``entropy`` [nats], ``sure``.
    """
    frame = pd.DataFrame([vars(s) for s in sightings])
    frame["exposure"] = [_bin(e) for e in frame.exposure]
    frame["refused"] = frame.refused.fillna(False).astype(bool)
    frame["right"], frame["right_refused"] = frame.correct, frame.correct & frame.refused
    answered_wrong = ~frame.correct & ~frame.refused
    frame["confident_wrong"] = answered_wrong & (frame.confidence > CONFIDENT)
    frame["very_confident_wrong"] = answered_wrong & (frame.confidence > VERY_CONFIDENT)
    frame["n"], frame["sure"] = 1, frame.sure.astype(float)
    counts = ["n", "right", "refused", "right_refused", "confident_wrong", "very_confident_wrong"]
    how = dict.fromkeys(counts, "sum") | dict.fromkeys(["confidence", "entropy", "sure"], "mean")
    return frame.groupby(["step", "split", "certain", "exposure"], sort=False).agg(how).reset_index()


def _bin(exposure: float | None) -> str:
    if exposure is None or np.isnan(exposure):
        return ""
    return next(label for label, low, high in EXPOSURE_BINS if low <= exposure <= high)


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The counts of every arm, with five decimals."""
    from rtuning_helpers.experiments.drift.measure import ARMS, read_sightings

    tables = [counted(read_sightings(config, arm)).assign(seed=config.seed, arm=arm) for arm in ARMS]
    table = pd.concat(tables, ignore_index=True).round(5).astype(object)
    return {"rows": table.where(table.notna(), None).to_dict("records")}


RECORDING = Recording("mini/drift.json", "11", measure)
