"""Sample entropy where answers that differ in case and punctuation only count as one."""

from functools import partial

from rtuning_helpers.confidence.estimators import sample_entropy
from rtuning_helpers.confidence.evidence import Estimator

confidence = partial(sample_entropy.confidence, normalise=True)
ESTIMATOR = Estimator("sample entropy, normalised", confidence, 60, "the paper, 5.1 (R-Tuning-U)", needs=("samples",))
