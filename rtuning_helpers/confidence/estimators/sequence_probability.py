"""Product of the answer tokens' probabilities; where there are options, the letter's share."""

import math

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence


def confidence(evidence: Evidence) -> np.ndarray:
    """The probability of the whole answer."""
    return np.array([math.prod(a.token_probabilities) for a in evidence.answers])


ESTIMATOR = Estimator("sequence probability", confidence, order=10, source="Malinin and Gales 2021")
