"""The sightings counted: what notebook 11 shows, and what is recorded."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rtuning_helpers.experiments.drift.measure import Sighting
from rtuning_helpers.metrics.exposure import EXPOSURE_BINS

CONFIDENT, VERY_CONFIDENT = 0.5, 0.9  # answer confidences above which a wrong answer is counted


def counted(sightings: Sequence[Sighting]) -> pd.DataFrame:
    """Counts and means for each step, split, set (D1 or D0) and exposure bin.

    Returns:
        Columns ``step, split, certain, exposure`` (label of the bin, "" where unknown), ``n``, ``right``, ``refused``,
        ``right_refused``, ``confident_wrong`` and ``very_confident_wrong`` (counts; wrong, not refused, answer
        confidence above 0.5 and 0.9), and the means ``confidence``, ``entropy`` [nats], ``sure``.
    """
    frame = pd.DataFrame([vars(s) for s in sightings])
    frame["exposure"] = [_bin(e) for e in frame.exposure]
    refused = frame.refused.fillna(False).astype(bool)
    frame["right_refused"] = frame.correct & refused
    answered_wrong = ~frame.correct & ~refused
    frame["confident_wrong"] = answered_wrong & (frame.confidence > CONFIDENT)
    frame["very_confident_wrong"] = answered_wrong & (frame.confidence > VERY_CONFIDENT)
    frame["refused"] = refused
    grouped = frame.groupby(["step", "split", "certain", "exposure"], sort=False)
    table = grouped.agg(
        n=("id", "size"),
        right=("correct", "sum"),
        refused=("refused", "sum"),
        right_refused=("right_refused", "sum"),
        confident_wrong=("confident_wrong", "sum"),
        very_confident_wrong=("very_confident_wrong", "sum"),
        confidence=("confidence", "mean"),
        entropy=("entropy", "mean"),
        sure=("sure", lambda column: column.astype(float).mean()),
    )
    return table.reset_index()


def _bin(exposure: float | None) -> str:
    if exposure is None or np.isnan(exposure):
        return ""
    return next(label for label, low, high in EXPOSURE_BINS if low <= exposure <= high)
