"""Reciprocal of the question's perplexity: it knows nothing of the answer."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence
from rtuning_helpers.data import prompts
from rtuning_helpers.probe.uncertainty import perplexities


def confidence(evidence: Evidence) -> np.ndarray:
    """How usual the question's wording is to the model."""
    texts = [prompts.bare_text(q) for q in evidence.questions]
    return 1 / np.array(perplexities(evidence.lm, texts, batch_size=evidence.batch_size))


ESTIMATOR = Estimator("question familiarity", confidence, order=40, source="the paper, 5.3 (perplexity of questions)")
