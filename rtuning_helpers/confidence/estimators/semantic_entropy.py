"""1 - SE / ln k, SE the entropy over clusters of samples that mean the same, weighted by their probabilities."""

from rtuning_helpers.confidence.evidence import Estimator
from rtuning_helpers.confidence.meaning import semantic_confidence

ESTIMATOR = Estimator("semantic entropy", semantic_confidence, order=90, source="Kuhn et al. 2023", needs=("samples",))
