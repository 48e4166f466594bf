"""Probability of "True" against "False" for the answer, averaged over both orders."""

import numpy as np

from rtuning_helpers.confidence.evidence import Estimator, Evidence
from rtuning_helpers.data import prompts
from rtuning_helpers.model.labels import label_probabilities


def confidence(evidence: Evidence) -> np.ndarray:
    """What the model says when asked whether its answer is true."""
    asked = [
        (prompts.task_prompt(q), a.text, q.frame.gap) for q, a in zip(evidence.questions, evidence.answers, strict=True)
    ]
    total = np.zeros(len(asked))
    for place, options in enumerate((prompts.TRUE_FALSE, prompts.TRUE_FALSE[::-1])):
        contexts = [prompts.p_true_prompt(prompt, text, *options, gap) for prompt, text, gap in asked]
        total += label_probabilities(evidence.lm, contexts, [" A", " B"], batch_size=evidence.batch_size)[:, place]
    return total / 2


ESTIMATOR = Estimator("P(True)", confidence, order=110, source="Kadavath et al. 2022", needs=("replies",))
