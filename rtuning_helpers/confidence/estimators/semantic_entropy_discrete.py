"""Semantic entropy where a cluster weighs as much as samples fell into it."""

from functools import partial

from rtuning_helpers.confidence.evidence import Estimator
from rtuning_helpers.confidence.meaning import semantic_confidence

confidence = partial(semantic_confidence, by_frequency=True)
ESTIMATOR = Estimator("semantic entropy, discrete", confidence, 100, "Farquhar et al. 2024", needs=("samples",))
