"""Metrics of answers, confidences and refusals, with bootstrap intervals.

Every metric takes a row's label ``correct`` (0 or 1), its ``confidence`` in [0, 1] or its ``refused`` (0 or 1), and an
optional ``weights``: without, it returns a float; with weights of shape (B, n), B values. A resample is a row of counts
(how often each question was drawn), so the bootstrap is a matrix computation. scikit-learn's functions agree with these
but take one weight vector at a time, which is slower (``python -m benchmarks.metrics``).

Bad columns or weights are a ValueError that names them. A number that does not exist (nothing answered,
one class only, no rows) is NaN, never 0.
"""

# fmt: off
# isort: off
from rtuning_helpers.metrics.answers import accuracy, answer_rate, mean, mixed_confidence, willing_accuracy
from rtuning_helpers.metrics.arrays import Metric, Values
from rtuning_helpers.metrics.bootstrap import bootstrap_interval, mean_interval, paired_bootstrap_difference
from rtuning_helpers.metrics.by_count import mean_by_count, rank_correlation
from rtuning_helpers.metrics.calibration import (
    BrierDecomposition, ReliabilityBin, ace, brier, brier_decomposition, ece, ece_debiased, ece_equal_mass, mce, nll,
    reliability_bins,
)
from rtuning_helpers.metrics.conformal import average_risk_threshold, thinned, wrong_answer_threshold
from rtuning_helpers.metrics.exposure import exposure_bin, proportion_interval, rate_by_exposure
from rtuning_helpers.metrics.ranking import (
    ap_lift, ap_lift_normalised, ap_no_skill, augrc, aurc, auroc, average_precision, coverage_at_risk, e_aurc,
    risk_at_coverage, risk_coverage,
)
from rtuning_helpers.metrics.refusal import (
    Quadrants, abstain_accuracy, abstain_f1, abstain_precision, abstain_recall, abstention_f1, abstention_precision,
    abstention_recall, effective_reliability, honesty, over_conservativeness, prudence, quadrants, reliable_accuracy,
    truthful_helpfulness_score, truthful_rate,
)
from rtuning_helpers.metrics.risk_control import (
    RiskControl, clopper_pearson_interval, risk_control_threshold, risk_is_low,
)
from rtuning_helpers.metrics.sampling_error import ap_half_width, proportion_half_width, seed_interval
