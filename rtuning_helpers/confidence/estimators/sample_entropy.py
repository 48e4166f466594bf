"""1 - u / ln k, u the entropy of the sampled answers' frequencies."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence
from rtuning_helpers.probe.uncertainty import answer_entropy


def confidence(evidence: Evidence, normalise: bool = False) -> np.ndarray:
    """1 where all samples are alike; with ``normalise``, case and punctuation aside."""
    spread = [answer_entropy([a.text for a in row], normalise) / np.log(len(row)) for row in evidence.drawn]
    return np.clip(1 - np.array(spread), 0, 1)  # ten different answers would give -2e-16


ESTIMATOR = Estimator("sample entropy", confidence, 50, "the paper, 5.1 (R-Tuning-U)", needs=("samples",))
