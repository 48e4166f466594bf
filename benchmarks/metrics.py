"""The paired bootstrap of average precision against scikit-learn: ``python -m benchmarks.metrics``.

Both score two confidences of the same answers under the same resamples. The kit takes all resamples; scikit-learn's
``average_precision_score``, which takes one weight vector at a time, is called on a few only, and the times of one
resample are compared. Confidences with two decimals have ties. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from sklearn.metrics import average_precision_score

from rtuning_helpers.metrics import average_precision, paired_bootstrap_difference


def answers(rows: int, decimals: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correctness, a calibrated confidence, and a noisier one."""
    rng = np.random.default_rng(0)
    confidence = rng.random(rows)
    correct = (rng.random(rows) < confidence).astype(float)
    noisy = np.clip(confidence + rng.normal(0, 0.1, rows), 0, 1)
    return correct, *((c if decimals is None else c.round(decimals)) for c in (confidence, noisy))


def one_call_each(
    correct: np.ndarray, first: np.ndarray, second: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, float]:
    """The difference under each row of counts, by scikit-learn, and the seconds it took."""
    started = time.perf_counter()
    differences = [
        average_precision_score(correct, first, sample_weight=row)
        - average_precision_score(correct, second, sample_weight=row)
        for row in counts
    ]
    return np.array(differences), time.perf_counter() - started


def main() -> None:
    """Time both, with and without ties, and compare their values."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=14_000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--subset", type=int, default=50, help="resamples that scikit-learn is given")
    options = parser.parse_args()
    report: dict[str, object] = vars(options)
    for name, decimals in (("no_ties", None), ("two_decimals", 2)):
        correct, first, second = answers(options.rows, decimals)
        started = time.perf_counter()
        paired_bootstrap_difference(average_precision, (correct, first), (correct, second), resamples=options.resamples)
        kit_seconds = time.perf_counter() - started
        drawn = np.random.default_rng(1).integers(options.rows, size=(options.subset, options.rows))
        counts = np.array([np.bincount(row, minlength=options.rows) for row in drawn], dtype=float)
        theirs, subset_seconds = one_call_each(correct, first, second, counts)
        ours = average_precision(correct, first, counts) - average_precision(correct, second, counts)
        report[name] = {
            "kit_s": round(kit_seconds, 2),
            "scikit_learn_subset_s": round(subset_seconds, 2),
            "ratio_per_resample": round(subset_seconds / options.subset / (kit_seconds / options.resamples), 1),
            "largest_difference": float(np.abs(ours - theirs).max()),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
