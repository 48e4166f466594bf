"""Share of the samples that agree with the greedy answer, case and punctuation aside."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence
from rtuning_helpers.data.words import as_compared


def confidence(evidence: Evidence) -> np.ndarray:
    """1 where every sample says what the greedy answer says."""
    pairs = zip(evidence.answers, evidence.drawn, strict=True)
    return np.array([np.mean([as_compared(a.text) == as_compared(greedy.text) for a in row]) for greedy, row in pairs])


ESTIMATOR = Estimator("self-consistency", confidence, order=70, source="after Wang et al. 2022", needs=("samples",))
