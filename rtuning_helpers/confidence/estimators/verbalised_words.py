"""The confidence that the model states in words ("likely", "almost certain"); NaN where it states none."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence, replies
from rtuning_helpers.confidence.verbalised import parse_words
from rtuning_helpers.data import prompts


def confidence(evidence: Evidence) -> np.ndarray:
    """The longest known phrase of each reply."""
    return np.array([parse_words(text) for text in replies(evidence, prompts.CONFIDENCE_WORDS_QUESTION)])


ESTIMATOR = Estimator("verbalised words", confidence, order=130, source="Tian et al. 2023", needs=("replies",))
