"""Bins of confidences for the calibration metrics: of equal width, or with equally many rows."""

from dataclasses import dataclass

import numpy as np

BINNINGS = ("equal_width", "equal_mass")


@dataclass(frozen=True)
class Binned:
    """Rows in bins."""

    index: np.ndarray  # bin of each row from 0, (B, n): equal-mass bins differ between resamples
    w: np.ndarray  # counts of the rows, (B, n)
    bins: int  # some may be empty

    def total(self, column: np.ndarray | float = 1.0) -> np.ndarray:
        """Weighted sum of a column, (n,) or (B, n), in each bin: (B, bins). Without a column, the rows of each bin."""
        cells = self.index + self.bins * np.arange(len(self.w))[:, None]
        sums = np.bincount(cells.ravel(), weights=(self.w * column).ravel(), minlength=self.bins * len(self.w))
        return sums.reshape(len(self.w), self.bins).astype(float)  # of no rows, bincount makes integers


def into_bins(score: np.ndarray, w: np.ndarray, bins: int, binning: str) -> Binned:
    """Put rows into bins by their confidence.

    Args:
        score: Confidences in [0, 1], (n,); for equal mass any numbers.
        w: Counts, (B, n).
        binning: ``equal_width`` for ((b-1)/bins, b/bins], 0 in the first; ``equal_mass`` for about n/bins rows in
            each. There, equal confidences stay together, in the bin in which the middle of their ranks falls, so that
            bins differ in size and may be empty; without ties, sizes differ by one at most.

    Raises:
        ValueError: ``bins`` below 1, or another ``binning``.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; expected at least 1")
    if binning not in BINNINGS:
        raise ValueError(f"binning is {binning!r}; expected one of {', '.join(BINNINGS)}")
    if binning == "equal_width":
        return Binned(np.broadcast_to(equal_width_bin(score, bins), w.shape), w, bins)
    distinct, block = np.unique(score, return_inverse=True)
    order = np.argsort(score, kind="stable")
    ends = np.searchsorted(score[order], distinct, side="right") - 1
    up_to = np.cumsum(w[:, order], axis=1)[:, ends]
    middle = up_to - 0.5 * np.diff(up_to, axis=1, prepend=0)
    n = np.maximum(w.sum(axis=1, keepdims=True), 1)  # without rows, any bin will do
    bin_of_block = np.minimum(np.floor(middle * bins / n), bins - 1).astype(int)
    return Binned(bin_of_block[:, block], w, bins)


def equal_width_bin(score: np.ndarray, bins: int) -> np.ndarray:
    """Bin from 0 of each confidence, (n,), for bins ((b-1)/bins, b/bins] with 0 in the first."""
    upper_edges = np.arange(1, bins + 1) / bins  # correctly rounded, so that a confidence of k/bins closes bin k
    return np.searchsorted(upper_edges, score, side="left")
