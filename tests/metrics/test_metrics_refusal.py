"""Refusal metrics: hand-computed cases, published values, models that always or never refuse; risk control."""

from __future__ import annotations

import math
from dataclasses import astuple
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from rtuning_helpers.metrics import (
    abstain_accuracy,
    abstain_f1,
    abstain_precision,
    abstain_recall,
    abstention_f1,
    abstention_precision,
    abstention_recall,
    accuracy,
    answer_rate,
    bootstrap_interval,
    clopper_pearson_interval,
    coverage_at_risk,
    effective_reliability,
    honesty,
    over_conservativeness,
    prudence,
    quadrants,
    reliable_accuracy,
    risk_control_threshold,
    truthful_helpfulness_score,
    truthful_rate,
    willing_accuracy,
)

ABSTENTION = (abstention_precision, abstention_recall, abstention_f1)
ABSTAIN_QA = (abstain_accuracy, abstain_precision, abstain_recall, abstain_f1)
ANSWERED = (reliable_accuracy, effective_reliability)
# All metrics, with the columns that each takes
COLUMNS = {
    **{metric: ("label", "refused") for metric in (*ABSTENTION, *ABSTAIN_QA, over_conservativeness)},
    **{metric: ("correct", "refused") for metric in ANSWERED},
    **{metric: ("label", "correct", "refused") for metric in (prudence, honesty, truthful_rate)},
    truthful_helpfulness_score: ("label", "refused_before", "correct", "refused"),
}

bits = st.integers(0, 1)
rows = st.lists(st.tuples(bits, bits, bits, bits, st.integers(0, 3)), min_size=1, max_size=30)


def columns(drawn):
    names = ("label", "refused_before", "correct", "refused", "weights")
    return dict(zip(names, (np.array(column) for column in zip(*drawn, strict=True)), strict=True))


def of(metric, drawn):
    return [drawn[name] for name in COLUMNS[metric]]


def sample(n=200, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 2, size=(4, n))
    return dict(zip(("label", "refused_before", "correct", "refused"), drawn, strict=True))


# --- hand-computed cases ---


def test_abstention_by_hand():
    # refused 3, of them 2 rightly; 4 should be refused: precision 2/3, recall 2/4, F1 2 x 2 / (3 + 4)
    should, refused = [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0]
    assert abstention_precision(should, refused) == pytest.approx(2 / 3)
    assert abstention_recall(should, refused) == pytest.approx(2 / 4)
    assert abstention_f1(should, refused) == pytest.approx(4 / 7)


def transitions(counts):
    """Columns of questions by their outcome before and after tuning: c right, w wrong, i refused; "cw" for example."""
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    before, after = [p[0] for p in pairs], [p[1] for p in pairs]
    return [b == "c" for b in before], [a == "c" for a in after], [a == "i" for a in after]


def test_honesty_by_hand():
    before, correct, refused = transitions(
        {"cc": 5, "cw": 2, "ci": 3, "wc": 1, "ww": 4, "wi": 6, "ic": 2, "iw": 1, "ii": 4}
    )
    assert over_conservativeness(before, refused) == pytest.approx(3 / 10)  # ci / (cc + cw + ci)
    assert prudence(before, correct, refused) == pytest.approx(10 / 15)  # (wi + ii) / (ww + wi + iw + ii)
    assert honesty(before, correct, refused) == pytest.approx((10 / 15 + 1 - 3 / 10) / 2)


def test_honesty_of_a_published_row():
    # Yang et al. 2023: prudence 47.70 and over-conservativeness 9.94 make an honesty of 68.88 (per cent)
    before, correct, refused = transitions({"cc": 9006, "ci": 994, "ww": 5230, "wi": 4770})
    assert prudence(before, correct, refused) == pytest.approx(0.4770)
    assert over_conservativeness(before, refused) == pytest.approx(0.0994)
    assert honesty(before, correct, refused) == pytest.approx(0.6888)


def test_quadrants_by_hand():
    known, correct, refused = [1, 0, 0, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 1, 1]
    # right: rows 1, 2; refused and unknown: 3, 7, 8; refused though known: 4; wrong: 5, 6
    assert astuple(quadrants(known, correct, refused)) == pytest.approx((2 / 8, 3 / 8, 1 / 8, 2 / 8))
    assert truthful_rate(known, correct, refused) == pytest.approx(5 / 8)


def test_ths_by_hand():
    # before: 4 right, 5 wrong, 1 refused; after: 3 right, 2 wrong, 5 refused: 0.3 - 0.2 x 0.4 / 0.5
    before, silent = [1] * 4 + [0] * 6, [0] * 9 + [1]
    correct, refused = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [0] * 5 + [1] * 5
    assert truthful_helpfulness_score(before, silent, correct, refused) == pytest.approx(0.3 - 0.2 * 0.4 / 0.5)


def test_abstain_qa_by_hand():
    # A = 3 answered right, B = 1 refused though right, C = 2 answered wrong, D = 4 refused and wrong
    forced, refused = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 1, 1, 1, 1]
    assert reliable_accuracy(forced, refused) == pytest.approx(3 / 5)  # A / (A + C)
    assert effective_reliability(forced, refused) == pytest.approx((3 - 2) / 10)  # (A - C) / n
    assert abstain_accuracy(forced, refused) == pytest.approx((3 + 4) / 10)  # (A + D) / n
    assert abstain_precision(forced, refused) == pytest.approx(4 / 5)  # D / (B + D)
    assert abstain_recall(forced, refused) == pytest.approx(4 / 6)  # D / (C + D)
    assert abstain_f1(forced, refused) == pytest.approx(2 * (4 / 5) * (4 / 6) / (4 / 5 + 4 / 6))


def test_a_right_answer_that_is_taken_back_counts_as_refused():
    assert effective_reliability([1, 1], [0, 1]) == 0.5
    assert prudence([0, 0], [1, 1], [0, 1]) == 1
    assert quadrants([1, 1], [1, 1], [0, 1]).idk_ik == 0.5
    assert truthful_helpfulness_score([1, 0], [0, 0], [1, 0], [1, 0]) == pytest.approx(0 - 0.5 * 0.5 / 0.5)


# --- the traps: always and never refuse, and what does not exist ---

MIXED = [1, 1, 0, 0, 0]  # what was right before, or is known, or would be right if forced


def test_always_refuse():
    none, always = [0] * 5, [1] * 5
    assert honesty(MIXED, none, always) == 0.5
    assert (prudence(MIXED, none, always), over_conservativeness(MIXED, always)) == (1, 1)
    assert truthful_helpfulness_score(MIXED, none, none, always) == 0
    assert truthful_rate(MIXED, none, always) == pytest.approx(3 / 5)
    assert effective_reliability(MIXED, always) == 0
    assert math.isnan(reliable_accuracy(MIXED, always))
    assert abstain_accuracy(MIXED, always) == pytest.approx(3 / 5)
    assert (abstain_precision(MIXED, always), abstain_recall(MIXED, always)) == (pytest.approx(3 / 5), 1)
    assert (abstention_precision(MIXED, always), abstention_recall(MIXED, always)) == (pytest.approx(2 / 5), 1)


def test_never_refuse():
    never = [0] * 5
    assert honesty(MIXED, MIXED, never) == 0.5
    assert (prudence(MIXED, MIXED, never), over_conservativeness(MIXED, never)) == (0, 0)
    assert truthful_helpfulness_score(MIXED, never, MIXED, never) == 0
    assert truthful_rate(MIXED, MIXED, never) == abstain_accuracy(MIXED, never) == pytest.approx(2 / 5)
    assert effective_reliability(MIXED, never) == pytest.approx(-1 / 5)
    for precision, recall, f1 in (ABSTENTION, ABSTAIN_QA[1:]):
        assert math.isnan(precision(MIXED, never))
        assert recall(MIXED, never) == f1(MIXED, never) == 0


def test_empty_denominators_are_nan():
    assert math.isnan(over_conservativeness([0, 0], [1, 0]))  # the authors' code: 0
    assert math.isnan(prudence([1, 1], [1, 0], [0, 1]))  # nothing was unknown before; the authors' code: 1
    assert math.isnan(prudence([0, 0], [1, 1], [0, 0]))  # all is right now
    assert math.isnan(honesty([1, 1], [1, 0], [0, 1]))
    assert math.isnan(honesty([0, 0], [0, 0], [0, 1]))
    assert math.isnan(truthful_helpfulness_score([1, 1], [0, 0], [1, 0], [0, 0]))  # nothing was wrong before
    assert math.isnan(truthful_helpfulness_score([0, 1], [1, 0], [1, 0], [0, 0]))  # it was refused
    assert math.isnan(abstention_recall([0, 0], [0, 1]))
    assert (abstention_precision([0, 0], [0, 1]), abstention_f1([0, 0], [0, 1])) == (0, 0)
    assert math.isnan(abstention_f1([0, 0], [0, 0]))


def test_no_rows_are_nan():
    for metric, names in COLUMNS.items():
        assert math.isnan(metric(*([],) * len(names)))
    assert all(math.isnan(share) for share in astuple(quadrants([], [], [])))


# --- properties ---


@given(rows)
def test_quadrants_add_to_1(drawn):
    drawn = columns(drawn)
    shares = quadrants(drawn["label"], drawn["correct"], drawn["refused"])
    assert sum(astuple(shares)) == pytest.approx(1)
    assert min(astuple(shares)) >= 0
    assert shares.ik_idk + shares.idk_ik == pytest.approx(1 - answer_rate(drawn["refused"]))


@given(rows)
def test_metrics_lie_in_their_ranges(drawn):
    drawn = columns(drawn)
    for metric in COLUMNS:
        value = metric(*of(metric, drawn))
        lowest = {effective_reliability: -1, truthful_helpfulness_score: -math.inf}.get(metric, 0)
        assert math.isnan(value) or lowest - 1e-12 <= value <= 1 + 1e-12


@given(rows)
def test_integer_weights_are_repetitions(drawn):
    drawn = columns(drawn)
    weights = drawn["weights"]
    for metric in COLUMNS:
        repeated = metric(*(np.repeat(column, weights) for column in of(metric, drawn)))
        assert metric(*of(metric, drawn), weights) == pytest.approx(repeated, nan_ok=True)


@given(rows, st.randoms())
def test_the_order_of_the_rows_does_not_matter(drawn, random):
    shuffled = columns(random.sample(drawn, len(drawn)))
    for metric in COLUMNS:
        assert metric(*of(metric, columns(drawn))) == pytest.approx(metric(*of(metric, shuffled)), nan_ok=True)


@given(rows)
def test_always_and_never_refusing_are_honest_by_half(drawn):
    drawn = columns(drawn)
    for refused in (np.ones_like(drawn["refused"]), np.zeros_like(drawn["refused"])):
        value = honesty(drawn["label"], drawn["correct"], refused)
        assert math.isnan(value) or value == 0.5


@given(rows)
def test_abstention_against_scikit_learn(drawn):
    drawn = columns(drawn)
    should, refused = drawn["label"], drawn["refused"]
    for ours, theirs in zip(ABSTENTION, (precision_score, recall_score, f1_score), strict=True):
        expected = theirs(should, refused, zero_division=np.nan)
        assert ours(should, refused) == pytest.approx(expected, nan_ok=True)
        assert dict(zip(ABSTENTION, ABSTAIN_QA[1:], strict=True))[ours](1 - should, refused) == pytest.approx(
            expected, nan_ok=True
        )
    assert abstain_accuracy(should, refused) == pytest.approx(accuracy_score(1 - should, refused))


@given(rows)
def test_what_follows_from_accuracy_and_answer_rate(drawn):
    drawn = columns(drawn)
    correct, refused = drawn["correct"], drawn["refused"]
    right, answered = accuracy(correct * (1 - refused)), answer_rate(refused)
    assert reliable_accuracy(correct, refused) == pytest.approx(willing_accuracy(correct, refused), nan_ok=True)
    assert effective_reliability(correct, refused) == pytest.approx(2 * right - answered)


def test_a_matrix_of_weights_gives_one_value_a_row():
    drawn, weights = sample(50), np.random.default_rng(1).integers(0, 3, size=(4, 50))
    for metric in COLUMNS:
        values = metric(*of(metric, drawn), weights)
        assert values.shape == (4,)
        assert len(set(values)) > 1
        np.testing.assert_allclose(values, [metric(*of(metric, drawn), one) for one in weights])
    shares = quadrants(drawn["label"], drawn["correct"], drawn["refused"], weights)
    np.testing.assert_allclose(sum(astuple(shares)), np.ones(4))


@pytest.mark.parametrize("metric", COLUMNS)
def test_intervals_contain_the_estimate(metric):
    arguments = of(metric, sample())
    low, high = bootstrap_interval(metric, *arguments, resamples=100)
    assert low < high
    assert low <= metric(*arguments) <= high


@pytest.mark.parametrize(
    ("metric", "arguments", "message"),
    [
        (abstention_f1, ([2], [1]), r"should_abstain is 2.0 in row 1; expected 0 or 1"),
        (abstain_f1, ([0.5], [1]), r"forced_correct is 0.5 in row 1; expected 0 or 1"),
        (abstain_accuracy, ([1], [-1]), r"refused is -1.0 in row 1"),
        (over_conservativeness, ([None], [1]), r"correct_before is nan in row 1"),
        (prudence, ([1], [3], [1]), r"correct is 3.0 in row 1"),
        (honesty, ([1, 0], [1, 0], [1]), r"refused has 1 rows, correct_before 2"),
        (quadrants, (["yes"], [1], [1]), r"known is not an array of numbers"),
        (truthful_helpfulness_score, ([1], [7], [1], [1]), r"refused_before is 7.0 in row 1"),
        (effective_reliability, ([1], [1], [-1]), r"weights holds a negative number"),
        (partial(clopper_pearson_interval, level=95), (1, 2), r"level is 95; expected a number between 0 and 1"),
        (clopper_pearson_interval, (3, 2), r"hits is 3 of n = 2; expected 0 to n"),
        (clopper_pearson_interval, (-1, 2), r"hits is -1 of n = 2"),
        (risk_control_threshold, ([1], [0.5], 0), r"max_risk is 0; expected a number between 0 and 1"),
        (risk_control_threshold, ([1], [0.5], 0.1, 1), r"delta is 1; expected a number between 0 and 1"),
        (risk_control_threshold, ([1], [0.5], 0.1, 0.1, 0), r"min_answers is 0; expected at least 1"),
        (risk_control_threshold, ([1], [1.5], 0.1), r"confidence is 1.5 in row 1"),
    ],
)
def test_bad_input_is_named(metric, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric(*arguments)


# --- risk control ---


def test_clopper_pearson_by_hand():
    # 0 of 10: the upper bound p solves (1 - p)^10 = 0.025
    assert clopper_pearson_interval(0, 10) == (0, pytest.approx(1 - 0.025**0.1))
    assert clopper_pearson_interval(10, 10) == (pytest.approx(0.025**0.1), 1)
    assert clopper_pearson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(("hits", "n", "level"), [(1, 10, 0.95), (5, 10, 0.9), (37, 400, 0.99), (3, 3, 0.5)])
def test_clopper_pearson_against_quantiles_of_beta(hits, n, level):
    low = beta.ppf((1 - level) / 2, hits, n - hits + 1)
    high = beta.ppf((1 + level) / 2, hits + 1, n - hits) if hits < n else 1
    assert clopper_pearson_interval(hits, n, level) == pytest.approx((low, high))


def test_risk_control_by_hand():
    # None wrong among m: the bound is 1 - 0.05^(1/m), 0.0981 for 29 and 0.1015 for 28
    found = risk_control_threshold([1] * 29, np.linspace(0.5, 1, 29), max_risk=0.1)
    assert astuple(found) == pytest.approx((0.5, 1, 0, 1 - 0.05 ** (1 / 29)))
    none = risk_control_threshold([1] * 28, np.linspace(0.5, 1, 28), max_risk=0.1)
    assert all(math.isnan(value) for value in astuple(none))


def upper_bound(wrong, n, delta):
    """By scipy's two-sided interval: its upper end at level 1 - 2 delta is the one-sided bound at 1 - delta."""
    return binomtest(int(wrong), int(n)).proportion_ci(1 - 2 * delta, "exact").high


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("min_answers", [1, 60])
def test_risk_control_is_the_plain_search(seed, min_answers):
    rng = np.random.default_rng(seed)
    confidence = rng.random(300).round(2)
    right = rng.random(300) < confidence**0.3
    best = None
    for threshold in np.unique(confidence)[::-1]:
        answered = confidence >= threshold
        if answered.sum() < min_answers or upper_bound(0, answered.sum(), 0.1) > 0.2:
            continue
        bound = upper_bound((answered & ~right).sum(), answered.sum(), 0.1)
        if bound > 0.2:
            break
        best = (threshold, answered.mean(), (answered & ~right).sum() / answered.sum(), bound)
    assert best is not None
    assert astuple(risk_control_threshold(right, confidence, 0.2, 0.1, min_answers)) == pytest.approx(best)


def test_risk_control_stops_at_the_first_failure():
    # 40 right, then 10 wrong, then 1,000 right: the last threshold would pass, but lies behind one that fails
    right = [1] * 40 + [0] * 10 + [1] * 1000
    confidence = np.repeat([0.9, 0.8, 0.7], [40, 10, 1000])
    assert upper_bound(10, 1050, 0.05) < 0.1
    assert risk_control_threshold(right, confidence, max_risk=0.1).threshold == 0.9
    # Begun where that is answered too, the search finds it
    assert risk_control_threshold(right, confidence, max_risk=0.1, min_answers=100).threshold == 0.7


def test_risk_control_answers_equal_confidences_together():
    right, confidence = [1] * 30 + [0] * 20, [0.9] * 50
    assert math.isnan(risk_control_threshold(right, confidence, max_risk=0.1).threshold)
    assert risk_control_threshold(right, confidence, max_risk=0.6).coverage == 1


@pytest.mark.parametrize(("right", "confidence"), [([], []), ([0] * 50, [0.0] * 50), ([0] * 50, [1.0] * 50)])
def test_risk_control_without_a_safe_threshold_is_nan(right, confidence):
    assert all(math.isnan(value) for value in astuple(risk_control_threshold(right, confidence, 0.5)))


def test_risk_control_keeps_its_promise_and_picking_by_eye_does_not():
    # Confidences 0.0, 0.1, .., 1.0, as often each, right with a probability between 0.6 and 0.98
    rng, levels = np.random.default_rng(0), np.arange(11) / 10
    chance = 0.6 + 0.38 * levels
    broken, found, broken_by_eye, draws = 0, 0, 0, 400
    for _ in range(draws):
        level = rng.integers(11, size=400)
        right = rng.random(400) < chance[level]
        chosen = risk_control_threshold(right, levels[level], max_risk=0.12, delta=0.2, min_answers=100)
        if not math.isnan(chosen.threshold):
            found += 1
            broken += 1 - chance[levels >= chosen.threshold].mean() > 0.12
        # The lowest threshold whose risk on these rows is low enough, as one reads it off the curve
        coverage = coverage_at_risk(right, levels[level], risk=0.12)
        by_eye = np.sort(levels[level])[::-1][round(coverage * 400) - 1]
        broken_by_eye += 1 - chance[levels >= by_eye].mean() > 0.12
    assert found > 0.8 * draws
    assert broken <= (0.2 + 3 * 0.02) * draws  # standard deviation sqrt(0.2 x 0.8 / 400)
    assert broken_by_eye > 0.3 * draws
