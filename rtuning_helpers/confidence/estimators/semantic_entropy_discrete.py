"""Semantic entropy where a cluster weighs as much as samples fell into it."""

from functools import partial

from rtuning_helpers.confidence.evidence import Estimator
from rtuning_helpers.confidence.meaning import semantic_confidence

ESTIMATOR = Estimator(
    "semantic entropy, discrete",
    partial(semantic_confidence, by_frequency=True),
    order=100,
    source="Farquhar et al. 2024",
    needs=("samples",),
)
