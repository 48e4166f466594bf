"""Sampling error of printed numbers, against a formula, a bootstrap of known data, and a real recording."""

from __future__ import annotations

import numpy as np
import pytest

from rtuning_helpers.metrics import average_precision, bootstrap_interval
from rtuning_helpers.metrics.sampling_error import ap_half_width, proportion_half_width
from rtuning_helpers.paper.recorded import read_recording


def test_proportion_by_hand():
    assert proportion_half_width(0.5, 100) == pytest.approx(0.098, abs=1e-4)  # 1.96 x 0.05
    assert proportion_half_width(1.0, 10) == 0
    assert proportion_half_width(0.5, 100, level=0.68269) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(("accuracy", "distance", "n"), [(0.6, 2.0, 2000), (0.25, 0.8, 2000), (0.5, 0.0, 1000)])
def test_ap_half_width_agrees_with_the_bootstrap_of_such_data(accuracy, distance, n):
    rng = np.random.default_rng(1)
    right = rng.random(n) < accuracy
    confidence = 1 / (1 + np.exp(-(rng.normal(size=n) + distance * right)))
    low, high = bootstrap_interval(average_precision, right, confidence, resamples=500)
    ap = average_precision(right, confidence)
    assert ap_half_width(ap, right.mean(), n) == pytest.approx((high - low) / 2, rel=0.2)


def test_ap_half_width_shrinks_with_the_root_of_n():
    assert ap_half_width(0.8, 0.5, 400) == pytest.approx(2 * ap_half_width(0.8, 0.5, 1600), rel=0.15)


def test_an_ap_below_the_accuracy_is_a_random_ranking():
    assert ap_half_width(0.20, 0.25, 2000) == pytest.approx(ap_half_width(0.2501, 0.25, 2000), rel=0.2)


def test_ap_half_width_of_a_real_recording(shared_data):
    path = shared_data / "recorded" / "openllama-3b-pararel" / "pararel_llama_3b_unsure_ID.json"
    rows = read_recording(path)
    right = [p.correct for p in rows]
    mixed = [(p.answer_confidence + p.sure_confidence) / 2 for p in rows]
    low, high = bootstrap_interval(average_precision, right, mixed)
    guessed = ap_half_width(average_precision(right, mixed), np.mean(right), len(rows))
    assert guessed == pytest.approx((high - low) / 2, rel=0.35)  # real confidences are no two bell curves


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="share is 1.5"):
        proportion_half_width(1.5, 10)
    with pytest.raises(ValueError, match="n is 0"):
        proportion_half_width(0.5, 0)
    with pytest.raises(ValueError, match="ap is 93.2; expected a number between 0 and 1"):
        ap_half_width(93.2, 0.6, 100)
    with pytest.raises(ValueError, match="accuracy is 0"):
        ap_half_width(0.5, 0, 100)
    with pytest.raises(ValueError, match="n is 1"):
        ap_half_width(0.5, 0.5, 1)
