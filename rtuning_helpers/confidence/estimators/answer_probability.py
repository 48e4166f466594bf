"""Geometric mean of the answer tokens' probabilities, the reciprocal of the answer's perplexity."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence


def confidence(evidence: Evidence) -> np.ndarray:
    """The kit's and the paper's answer confidence."""
    return np.array([a.confidence for a in evidence.answers])


ESTIMATOR = Estimator("answer probability", confidence, order=20, source="Malinin and Gales 2021; the paper, 3.3")
