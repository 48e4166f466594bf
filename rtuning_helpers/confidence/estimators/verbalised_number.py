"""The percentage that the model writes when asked for its confidence; NaN where it writes none."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence, replies
from rtuning_helpers.confidence.verbalised import parse_percentage
from rtuning_helpers.data import prompts


def confidence(evidence: Evidence) -> np.ndarray:
    """The first number of each reply."""
    return np.array([parse_percentage(text) for text in replies(evidence, prompts.CONFIDENCE_NUMBER)])


ESTIMATOR = Estimator("verbalised number", confidence, order=120, source="Tian et al. 2023", needs=("replies",))
