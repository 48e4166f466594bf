"""Share of the most frequent sampled answer: the paper's Vanilla-C, which also answers with that sample."""

from collections import Counter

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence


def confidence(evidence: Evidence) -> np.ndarray:
    """1 where all samples are alike, 1 / k where all differ."""
    return np.array([max(Counter(a.text for a in row).values()) / len(row) for row in evidence.drawn])


ESTIMATOR = Estimator("modal frequency", confidence, order=80, source="Wang et al. 2022", needs=("samples",))
