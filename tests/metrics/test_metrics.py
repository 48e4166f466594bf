"""Metrics: hand-computed cases, scikit-learn as the reference, properties, and the bootstrap."""

from __future__ import annotations

import math
import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.evaluation.summary import summarise
from rtuning_helpers.metrics import (
    accuracy,
    answer_rate,
    auroc,
    average_precision,
    bootstrap_interval,
    brier,
    ece,
    mean_interval,
    paired_bootstrap_difference,
    risk_coverage,
    willing_accuracy,
)

RANKING = (average_precision, auroc)
CONFIDENCE = (average_precision, auroc, ece, brier)
METRICS = [
    "accuracy", "ap_answer", "ap_sure", "ap_mixed", "auroc_answer", "auroc_sure", "ece_answer", "ece_sure",
    "brier_answer", "brier_sure", "answer_rate", "willing_accuracy",
]  # fmt: skip

# Confidences on a coarse grid, so that ties are common and 0 and 1 occur.
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10), st.integers(0, 4)), min_size=1, max_size=40)


def columns(drawn):
    right, tenths, weights = (np.array(column) for column in zip(*drawn, strict=True))
    return right, tenths / 10, weights


def sample(n=400, seed=0):
    rng = np.random.default_rng(seed)
    confidence = rng.random(n).round(2)
    return (rng.random(n) < confidence).astype(int), confidence


# --- hand-computed cases ---


def test_average_precision_by_hand():
    # ranked: right, wrong, right -> precision 1 at recall 1/2, 2/3 at recall 1
    assert average_precision([1, 0, 1], [0.9, 0.8, 0.7]) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_average_precision_is_stepwise_not_trapezoidal():
    assert average_precision([0, 1], [0.9, 0.1]) == pytest.approx(0.5)  # a trapezoid would give 0.25


def test_average_precision_does_not_depend_on_the_order_of_tied_rows():
    assert average_precision([1, 0, 0], [0.5, 0.5, 0.1]) == average_precision([0, 1, 0], [0.5, 0.5, 0.1]) == 0.5


def test_auroc_by_hand():
    # pairs (right, wrong): 0.9 > 0.4 wins, 0.9 > 0.2 wins, 0.4 = 0.4 half, 0.4 > 0.2 wins
    assert auroc([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.2]) == pytest.approx(3.5 / 4)


def test_ece_by_hand():
    assert ece([0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75], bins=2) == pytest.approx(0.25)


def test_ece_puts_zero_in_the_first_bin_and_one_in_the_last():
    # 0 shares its bin with 0.1, and 1 with 0.95: (|(1 + 0) - (0 + 0.1)| + |(1 + 0) - (1 + 0.95)|) / 4
    assert ece([1, 0, 1, 0], [0.0, 0.1, 1.0, 0.95]) == pytest.approx((0.9 + 0.95) / 4)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_ece_bins_are_closed_above(tenth):
    # right at the edge, wrong just below it: one bin, where their gaps partly cancel; right just above: another bin
    edge = tenth / 10
    assert ece([1, 0], [edge, edge - 0.05]) == pytest.approx(abs(1 - 2 * edge + 0.05) / 2)
    assert ece([1, 0], [edge + 0.05, edge]) == pytest.approx((1 - edge - 0.05 + edge) / 2)


def test_ece_bin_edges_are_exact():
    # 5/6 closes the fifth of six bins, where 0.7 lies too; an edge made of rounded steps falls just below 5/6
    assert ece([1, 0], [5 / 6, 0.7], bins=6) == pytest.approx((0.7 - 1 / 6) / 2)


def test_brier_by_hand():
    assert brier([1, 0], [0.8, 0.6]) == pytest.approx((0.04 + 0.36) / 2)


def test_risk_coverage_by_hand():
    coverage, risk = risk_coverage([1, 0, 1, 0], [0.9, 0.95, 0.4, 0.1])  # the most confident answer is wrong
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [1, 1 / 2, 1 / 3, 1 / 2])


def test_risk_inside_a_tie_block_is_expected():
    _, risk = risk_coverage([1, 1, 0, 0, 1], [0.9, 0.5, 0.5, 0.5, 0.1])  # two of the three tied are wrong
    np.testing.assert_allclose(risk, [0, (2 / 3) / 2, (4 / 3) / 3, 2 / 4, 2 / 5])


def test_refusal_metrics_by_hand():
    right, refused = [1, 0, 1, 0, 0], [0, 0, 1, 1, 1]
    assert accuracy(right) == pytest.approx(2 / 5)
    assert answer_rate(refused) == pytest.approx(2 / 5)
    assert willing_accuracy(right, refused) == pytest.approx(1 / 2)  # the right answer it refused does not count


# --- the traps ---


def test_equal_confidences_say_nothing():
    right = [1, 0, 0, 1, 0]
    for confidence in (0.0, 0.3, 1.0):
        same = [confidence] * 5
        assert average_precision(right, same) == pytest.approx(0.4)
        assert auroc(right, same) == 0.5
        np.testing.assert_allclose(risk_coverage(right, same)[1], [0.6] * 5)


def test_confidences_of_exactly_zero_and_one():
    assert (average_precision([1, 0], [1, 0]), auroc([1, 0], [1, 0])) == (1, 1)
    assert (ece([1, 0], [1, 0]), brier([1, 0], [1, 0])) == (0, 0)
    assert (ece([0, 1], [1, 0]), brier([0, 1], [1, 0]), auroc([0, 1], [1, 0])) == (1, 1, 0)


def test_all_right_and_all_wrong():
    confidence = [0.2, 0.9, 0.9]
    assert average_precision([1, 1, 1], confidence) == 1
    assert math.isnan(average_precision([0, 0, 0], confidence))
    assert math.isnan(auroc([1, 1, 1], confidence))
    assert math.isnan(auroc([0, 0, 0], confidence))
    assert (accuracy([1, 1, 1]), accuracy([0, 0, 0])) == (1, 0)


def test_always_refusing_and_never_refusing():
    assert answer_rate([1, 1]) == 0
    assert math.isnan(willing_accuracy([1, 0], [1, 1]))
    assert answer_rate([0, 0]) == 1
    assert willing_accuracy([1, 0], [0, 0]) == accuracy([1, 0]) == 0.5


def test_no_rows_give_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(math.isnan(metric([], [])) for metric in (*CONFIDENCE, willing_accuracy))
        assert math.isnan(accuracy([]))
        assert math.isnan(answer_rate([]))
        assert all(math.isnan(bound) for bound in (*bootstrap_interval(auroc, [], []), *mean_interval([])))
        coverage, risk = risk_coverage([], [])
    assert len(coverage) == len(risk) == 0


# --- scikit-learn agrees, with and without weights ---


@given(rows)
def test_agrees_with_scikit_learn(drawn):
    right, confidence, weights = columns(drawn)
    assume(0 < right.sum() < len(right))
    assert average_precision(right, confidence) == pytest.approx(average_precision_score(right, confidence))
    assert auroc(right, confidence) == pytest.approx(roc_auc_score(right, confidence))
    assert brier(right, confidence) == pytest.approx(brier_score_loss(right, confidence))
    used = weights > 0
    assume(0 < right[used].sum() < used.sum())
    for ours, theirs in (
        (average_precision, average_precision_score),
        (auroc, roc_auc_score),
        (brier, brier_score_loss),
    ):
        assert ours(right, confidence, weights) == pytest.approx(theirs(right, confidence, sample_weight=weights))


@given(rows)
def test_integer_weights_are_repetitions(drawn):
    right, confidence, weights = columns(drawn)
    for metric in CONFIDENCE:
        repeated = metric(np.repeat(right, weights), np.repeat(confidence, weights))
        assert metric(right, confidence, weights) == pytest.approx(repeated, nan_ok=True)
    refused = confidence <= 0.5
    repeated = willing_accuracy(np.repeat(right, weights), np.repeat(refused, weights))
    assert willing_accuracy(right, refused, weights) == pytest.approx(repeated, nan_ok=True)
    assert answer_rate(refused, weights) == pytest.approx(answer_rate(np.repeat(refused, weights)), nan_ok=True)
    assert accuracy(right, weights) == pytest.approx(accuracy(np.repeat(right, weights)), nan_ok=True)


def test_a_matrix_of_weights_gives_one_value_a_row():
    right, confidence = sample(50)
    weights = np.random.default_rng(1).integers(0, 3, size=(4, 50))
    for metric in CONFIDENCE:
        values = metric(right, confidence, weights)
        assert values.shape == (4,)
        np.testing.assert_allclose(values, [metric(right, confidence, one) for one in weights])


# --- properties ---


@given(rows)
def test_metrics_lie_between_0_and_1(drawn):
    right, confidence, _ = columns(drawn)
    for metric in CONFIDENCE:
        value = metric(right, confidence)
        assert math.isnan(value) or -1e-12 <= value <= 1 + 1e-12


@given(rows, st.randoms())
def test_the_order_of_the_rows_does_not_matter(drawn, random):
    shuffled = random.sample(drawn, len(drawn))
    (right, confidence, _), (right_2, confidence_2, _) = columns(drawn), columns(shuffled)
    for metric in CONFIDENCE:
        assert metric(right, confidence) == pytest.approx(metric(right_2, confidence_2), nan_ok=True)
    np.testing.assert_allclose(risk_coverage(right, confidence)[1], risk_coverage(right_2, confidence_2)[1])


@given(rows)
def test_ranking_metrics_ignore_the_scale(drawn):
    right, confidence, _ = columns(drawn)
    for metric in RANKING:
        assert metric(right, confidence) == pytest.approx(metric(right, confidence**2), nan_ok=True)


@given(rows)
def test_auroc_of_the_reversed_ranking_is_the_complement(drawn):
    right, confidence, _ = columns(drawn)
    assert auroc(right, 1 - confidence) == pytest.approx(1 - auroc(right, confidence), nan_ok=True)


@given(rows)
def test_risk_at_full_coverage_is_the_error_rate(drawn):
    right, confidence, _ = columns(drawn)
    coverage, risk = risk_coverage(right, confidence)
    assert coverage[-1] == 1
    assert risk[-1] == pytest.approx(1 - accuracy(right))


@given(rows)
def test_risk_is_the_mean_over_random_orders_of_the_ties(drawn):
    right, confidence, _ = columns(drawn)
    assume(len(set(confidence)) < len(confidence))
    forwards = np.lexsort((right, -confidence))  # wrong answers of a tie first
    backwards = np.lexsort((-right, -confidence))
    k = np.arange(1, len(right) + 1)
    worst, best = (np.cumsum(1 - right[order]) / k for order in (forwards, backwards))
    _, risk = risk_coverage(right, confidence)
    assert ((best <= risk + 1e-12) & (risk <= worst + 1e-12)).all()
    np.testing.assert_allclose(risk, [expected_risk(right, confidence, j) for j in k])


def expected_risk(right, confidence, k):
    """By definition: all rows above the threshold, and each tied row with the same chance."""
    threshold = np.sort(confidence)[::-1][k - 1]
    above, tied = confidence > threshold, confidence == threshold
    return ((1 - right)[above].sum() + (k - above.sum()) * (1 - right)[tied].mean()) / k


# --- bad input ---


@pytest.mark.parametrize(
    ("metric", "arguments", "message"),
    [
        (accuracy, ([0, 2],), r"correct is 2.0 in row 2; expected 0 or 1"),
        (accuracy, ([0, 0.5],), r"correct is 0.5 in row 2"),
        (accuracy, ([0, None],), r"correct is nan in row 2"),
        (accuracy, ([[0, 1]],), r"correct has shape \(1, 2\); expected one dimension"),
        (accuracy, (["yes"],), r"correct is not an array of numbers"),
        (answer_rate, ([-1],), r"refused is -1.0 in row 1; expected 0 or 1"),
        (willing_accuracy, ([1], [1, 0]), r"refused has 2 rows, correct 1"),
        (average_precision, ([1, 0], [0.5]), r"confidence has 1 rows, correct 2"),
        (average_precision, ([1, 0], [0.5, 1.01]), r"confidence is 1.01 in row 2; expected a number in \[0, 1\]"),
        (auroc, ([1, 0], [-0.1, 1]), r"confidence is -0.1 in row 1"),
        (brier, ([1, 0], [0.1, math.nan]), r"confidence is nan in row 2"),
        (ece, ([1, 0], [math.inf, 0.2]), r"confidence is inf in row 1"),
        (risk_coverage, ([1, 0], [0.1]), r"confidence has 1 rows, correct 2"),
        (accuracy, ([1, 0], [1, -1]), r"weights holds a negative number"),
        (accuracy, ([1, 0], [1, math.nan]), r"weights holds a negative number, NaN"),
        (accuracy, ([1, 0], [1]), r"weights has shape \(1,\); expected \(n,\) or \(B, n\) with n = 2"),
        (partial(ece, bins=0), ([1], [0.5]), r"bins is 0; expected at least 1"),
        (mean_interval, ([1.0, math.inf],), r"values is inf in row 2; expected a finite number"),
        (partial(bootstrap_interval, accuracy, resamples=0), ([1, 0],), r"resamples is 0; expected at least 1"),
        (partial(bootstrap_interval, accuracy, level=95), ([1, 0],), r"level is 95"),
        (
            partial(paired_bootstrap_difference, accuracy),
            ([[1, 0]], [[1, 0, 1]]),
            r"first has 2 rows and second 3; expected the same questions",
        ),
    ],
)
def test_bad_input_is_named(metric, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric(*arguments)


# --- bootstrap ---


@pytest.mark.parametrize("metric", CONFIDENCE)
def test_interval_is_reproducible_and_contains_the_estimate(metric):
    right, confidence = sample()
    interval = bootstrap_interval(metric, right, confidence, resamples=200, seed=3)
    assert interval == bootstrap_interval(metric, right, confidence, resamples=200, seed=3)
    assert interval != bootstrap_interval(metric, right, confidence, resamples=200, seed=4)
    assert interval[0] <= metric(right, confidence) <= interval[1]
    assert interval[0] < interval[1]


@settings(max_examples=30)
@given(rows)
def test_interval_contains_the_estimate_also_in_tiny_samples(drawn):
    right, confidence, _ = columns(drawn)
    for metric in CONFIDENCE:
        estimate = metric(right, confidence)
        low, high = bootstrap_interval(metric, right, confidence, resamples=20)
        assert math.isnan(estimate) == math.isnan(low) == math.isnan(high)
        assert math.isnan(estimate) or low <= estimate <= high


def test_interval_reaches_an_estimate_that_resampling_overestimates():
    # Perfectly calibrated by construction: the ECE is 0, that of practically every resample above 0.
    right = [1, 0, 0, 0] * 25 + [1, 1, 0, 0] * 25 + [1, 1, 1, 0] * 25
    confidence = np.repeat([0.25, 0.5, 0.75], 100)
    assert ece(right, confidence) == 0
    low, high = bootstrap_interval(ece, right, confidence, resamples=100)
    assert low == 0 < high


def test_interval_does_not_depend_on_how_the_resamples_are_chunked(monkeypatch):
    right, confidence = sample(100)
    whole = bootstrap_interval(auroc, right, confidence, resamples=50)
    monkeypatch.setattr("rtuning_helpers.metrics.bootstrap.CELLS", 700)  # seven resamples at a time
    assert bootstrap_interval(auroc, right, confidence, resamples=50) == pytest.approx(whole)


def test_interval_of_the_accuracy_has_the_textbook_width():
    right = np.repeat([0, 1], [300, 700])
    low, high = bootstrap_interval(accuracy, right, resamples=2000)
    half = 1.96 * math.sqrt(0.7 * 0.3 / 1000)
    assert (low, high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.004)
    assert high - low > np.subtract(*bootstrap_interval(accuracy, right, resamples=2000, level=0.5)[::-1])


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        low, high = bootstrap_interval(accuracy, rng.random(150) < 0.6, resamples=200)
        hits += low <= 0.6 <= high
    assert 178 <= hits <= 199  # 95 % of 200 is 190, standard deviation 3


def test_resamples_without_the_metric_are_left_out():
    right, confidence = [1, 0, 0], [0.9, 0.5, 0.1]  # 30 % of the resamples hold no right answer
    low, high = bootstrap_interval(average_precision, right, confidence, resamples=200)
    assert low == high == 1


def test_paired_difference_uses_that_the_questions_are_the_same():
    right, confidence = sample(500)
    worse = np.clip(confidence + np.random.default_rng(1).normal(0, 0.1, 500), 0, 1)
    difference, low, high = paired_bootstrap_difference(auroc, (right, confidence), (right, worse), resamples=300)
    assert difference == pytest.approx(auroc(right, confidence) - auroc(right, worse))
    assert low <= difference <= high
    alone = bootstrap_interval(auroc, right, confidence, resamples=300)
    assert high - low < 0.5 * (alone[1] - alone[0])  # independent resamples would make it wider than one of them


def test_paired_difference_of_a_method_with_itself_is_exactly_zero():
    columns = sample(100)
    assert paired_bootstrap_difference(average_precision, columns, columns, resamples=50) == (0, 0, 0)


def test_mean_interval_takes_values_of_any_size():
    values = np.random.default_rng(0).normal(100, 10, 400)
    low, high = mean_interval(values, resamples=500)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)


# --- summary ---


def make(right, answer, sure, refused):
    return [
        Prediction(f"q{i}", "demo", "id", "Who?", "me", "you", bool(y), a, s, r)
        for i, (y, a, s, r) in enumerate(zip(right, answer, sure, refused, strict=True))
    ]


def test_summary_has_every_metric_and_its_interval():
    right, answer = sample(120)
    sure = np.random.default_rng(9).random(120)
    row = summarise(make(right, answer, sure, sure <= 0.5), "padding", "ood", resamples=100)
    assert list(row)[:3] == ["method", "split", "n"]
    assert (row["method"], row["split"], row["n"]) == ("padding", "ood", 120)
    assert set(row) == {"method", "split", "n", *METRICS, *(f"{name}_ci95" for name in METRICS)}
    expected = {
        "accuracy": accuracy(right),
        "ap_answer": average_precision(right, answer),
        "ap_sure": average_precision(right, sure),
        "ap_mixed": average_precision(right, (answer + sure) / 2),
        "auroc_answer": auroc(right, answer),
        "auroc_sure": auroc(right, sure),
        "ece_answer": ece(right, answer),
        "ece_sure": ece(right, sure),
        "brier_answer": brier(right, answer),
        "brier_sure": brier(right, sure),
        "answer_rate": answer_rate(sure <= 0.5),
        "willing_accuracy": willing_accuracy(right, sure <= 0.5),
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value), name
        low, high = row[f"{name}_ci95"]
        assert low <= row[name] <= high
    assert row["ap_sure_ci95"] == list(bootstrap_interval(average_precision, right, sure, resamples=100))


def test_summary_is_reproducible():
    predictions = make(*sample(60), [None] * 60, [None] * 60)
    first = summarise(predictions, "vanilla", "id", resamples=50, seed=1)
    assert first == summarise(predictions, "vanilla", "id", resamples=50, seed=1)
    assert first != summarise(predictions, "vanilla", "id", resamples=50, seed=2)


def nulls(row):
    values = {name for name in METRICS if row[name] is None}
    assert values == {name for name in METRICS if row[f"{name}_ci95"] is None}
    return values


def test_summary_is_none_where_a_method_has_no_such_number():
    none = [None] * 4
    vanilla = summarise(make([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], none, none), "vanilla", "id", resamples=20)
    assert nulls(vanilla) == {
        "ap_sure", "ap_mixed", "auroc_sure", "ece_sure", "brier_sure", "answer_rate", "willing_accuracy"
    }  # fmt: skip
    refusing = summarise(make([1, 0, 1, 0], none, none, [False, True, False, True]), "replacement", "id", resamples=20)
    assert nulls(refusing) == set(METRICS) - {"accuracy", "answer_rate", "willing_accuracy"}


def test_summary_is_none_not_zero_where_a_number_is_undefined():
    half = [0.5, 0.5]
    all_wrong = summarise(make([0, 0], half, half, [True, True]), "padding", "id", resamples=20)
    assert nulls(all_wrong) == {
        "ap_answer", "ap_sure", "ap_mixed", "auroc_answer", "auroc_sure", "willing_accuracy"
    }  # fmt: skip
    assert all_wrong["accuracy"] == all_wrong["answer_rate"] == 0
    empty = summarise([], "padding", "id", resamples=20)
    assert empty["n"] == 0
    assert nulls(empty) == set(METRICS)


def test_summary_refuses_a_column_that_is_partly_none():
    with pytest.raises(ValueError, match="sure_confidence is None in 1 of 2 predictions; expected all or none"):
        summarise(make([0, 1], [0.5, 0.5], [None, 0.1], [True, True]), "padding", "id")
