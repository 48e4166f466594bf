"""P(I know): a linear probe on the middle hidden state at the question's end, before any answer."""

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rtuning_helpers.confidence.evidence import Estimator, Evidence
from rtuning_helpers.model.hidden_states import hidden_states

PROBE = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))


def states(evidence: Evidence, part: str) -> np.ndarray:
    """Hidden states of the ``questions`` or of the ``training`` questions, shape (n, width)."""
    layer = evidence.lm.layer_count // 2
    return hidden_states(evidence.lm, getattr(evidence, part), layer, evidence.batch_size)


def confidence(evidence: Evidence) -> np.ndarray:
    """The probe is fitted on the training questions; the answers are not used."""
    if len(set(evidence.training_correct)) < 2:
        raise ValueError("training_correct holds one class only; the probe needs known and unknown questions")
    probe = clone(PROBE).fit(states(evidence, "training"), evidence.training_correct)
    return probe.predict_proba(states(evidence, "questions"))[:, 1]


ESTIMATOR = Estimator("P(IK)", confidence, order=140, source="Kadavath et al. 2022", needs=("training",))
