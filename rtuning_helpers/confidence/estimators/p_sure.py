"""The learned P(sure), which a model tuned by padding gives to its own answer."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence


def confidence(evidence: Evidence) -> np.ndarray:
    """The share of "sure" in the answer to the sureness question."""
    if any(a.sure_probability is None for a in evidence.answers):
        how = "gather it with sureness=prompts.SURENESS_LABELS from a model that was taught to say so"
        raise ValueError(f"evidence has no sure confidences; {how}")
    return np.array([a.sure_probability for a in evidence.answers])


ESTIMATOR = Estimator("P(sure)", confidence, order=150, source="the paper, 2.3", needs=("sureness",))
