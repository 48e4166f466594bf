"""exp(-H), H the mean entropy of the distributions over the answer's tokens [nats]."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence


def confidence(evidence: Evidence) -> np.ndarray:
    """1 where each token was certain; lower the more tokens were possible."""
    return np.exp([-np.mean(a.token_entropies) for a in evidence.answers])


ESTIMATOR = Estimator("token entropy", confidence, order=30, source="Fomicheva et al. 2020")
