"""Methods of continuous confidence: labels by hand, soft shares, draws, weights; a tiny model taken through them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.data.matching import is_refusal
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.evaluation.scale import predict_on_scale, scale_shares
from rtuning_helpers.model.labels import label_token_ids
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.probe.uncertainty import Uncertainty
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning.drawn import DrawnRecord, drawn_passes
from rtuning_helpers.tuning.methods.confidence_soft import soft_shares
from rtuning_helpers.tuning.registry import find_method
from rtuning_helpers.tuning.scale import PERCENT

SURENESS = ". Are you sure you accurately answered the question based on your internal knowledge? I am"
METHODS = ("confidence", "confidence-soft", "knowledge-weighted")


def probed(*right):
    """Probes of questions of whose ten samples so many are right, and those samples."""
    probes = [
        Probe(f"q{i}", "mini", "train", f"Q{i}?", "gold", "r", 0, "x", k > 5, 0.5, 0.1) for i, k in enumerate(right)
    ]
    samples = [Uncertainty(f"q{i}", 1.0, 0.0, ["gold"] * k + ["other"] * (10 - k)) for i, k in enumerate(right)]
    return probes, samples


def build(name, *right, **options):
    probes, samples = probed(*right)
    return find_method(name).build(probes, None, uncertainty=samples, **options)


def test_text_labels_by_hand():
    records = build("confidence", 0, 7, 10)
    assert [r.completion for r in records] == [f" gold{SURENESS} {share}% sure." for share in (0, 70, 100)]
    assert [r.certain for r in records] == [False, True, True]


def test_other_numbers_of_samples_go_to_the_nearest_label():
    probes, _ = probed(2)
    samples = [Uncertainty("q0", 1.0, 0.0, ["gold", "gold", "other"])]
    (record,) = find_method("confidence").build(probes, None, uncertainty=samples)
    assert record.completion.endswith("I am 70% sure.")


def test_soft_labels_share_out_what_ten_samples_leave_open():
    (record,) = build("confidence-soft", 7)
    assert list(record.alternatives) == [f" gold{SURENESS}{label} sure." for label in PERCENT]
    shares = list(record.alternatives.values())
    assert sum(shares) == pytest.approx(1) and PERCENT[int(np.argmax(shares))] == " 70%"
    assert np.dot(shares, np.linspace(1, 0, 11)) == pytest.approx(8 / 12, abs=0.005)  # the mean of Beta(8, 4)
    rates = np.linspace(0, 1, 100_001)  # the posterior by hand: all rates alike, weighed by the chance of 7 of 10
    chance = binom.pmf(7, 10, rates)
    near = chance[(rates >= 0.65) & (rates < 0.75)].sum() / chance.sum()
    assert shares[3] == pytest.approx(near, abs=1e-3)


@pytest.mark.parametrize("k", range(11))
def test_soft_shares_mirror(k):
    assert soft_shares(k, 10) == pytest.approx(soft_shares(10 - k, 10)[::-1])
    assert sum(soft_shares(k, 10)) == pytest.approx(1)


def test_what_is_known_weighs_and_the_unknown_is_refused():
    records = build("knowledge-weighted", 0, 3, 10, seed=1)
    assert is_refusal(records[0].completion) and [r.completion for r in records[1:]] == [" gold."] * 2
    assert [r.weight for r in records] == [1.0, 0.3, 1.0]
    assert [r.certain for r in records] == [False, True, True]
    assert build("knowledge-weighted", *[0] * 9, seed=1) != build("knowledge-weighted", *[0] * 9, seed=2)


def test_passes_draw_by_weight_and_by_share():
    records = [
        DrawnRecord("a", "Q", " x", True),
        DrawnRecord("b", "Q", " y", True, weight=0.25),
        DrawnRecord("c", "Q", " z", False, end="!", alternatives={" z": 0.8, " w": 0.2}),
    ]
    drawn = drawn_passes(records, 4000, seed=3)
    counts = Counter((r.id, r.completion) for r in drawn)
    assert counts["a", " x"] == 4000
    assert counts["b", " y"] == pytest.approx(1000, abs=100)
    assert counts["c", " z"] == pytest.approx(3200, abs=100) and counts["c", " z"] + counts["c", " w"] == 4000
    assert {r.end for r in drawn if r.id == "c"} == {"!"} and not any(isinstance(r, DrawnRecord) for r in drawn)
    assert drawn == drawn_passes(records, 4000, seed=3) != drawn_passes(records, 4000, seed=4)


def test_half_a_pass_trains_on_about_half():
    records = [DrawnRecord(str(i), "Q", " x", True) for i in range(400)]
    drawn = drawn_passes(records, 1.5)
    assert [r.id for r in drawn[:400]] == [r.id for r in records]
    assert len(drawn) == pytest.approx(600, abs=40)


def test_samples_of_other_questions_are_refused():
    probes, samples = probed(1, 2)
    for name in METHODS:
        with pytest.raises(ValueError, match="uncertainty is not that of the probes"):
            find_method(name).build(probes, None, uncertainty=samples[::-1])


def test_no_label_begins_another(tiny_lm):
    ids = label_token_ids(tiny_lm.tokenizer, SURENESS, PERCENT)
    assert len(set(map(tuple, ids))) == 11


def test_confidence_is_the_expected_value(tiny_lm):
    asked = load_questions("mini", "id", limit=6)
    found = predict_on_scale(tiny_lm, asked, scale=PERCENT, max_new_tokens=5, batch_size=4)
    shares = scale_shares(tiny_lm, asked, [p.prediction for p in found], PERCENT)
    by_hand = [sum(s * float(label.strip("% ")) / 100 for s, label in zip(row, PERCENT, strict=True)) for row in shares]
    assert [p.sure_confidence for p in found] == pytest.approx(by_hand, abs=1e-6)
    assert [p.refused for p in found] == [value <= 0.5 for value in by_hand]


def test_from_samples_to_scores(tiny_model, tmp_path, monkeypatch):
    small = replace(PROFILES["mini"], epochs=2, batch_size=8, samples=3, lora_rank=4, max_new_tokens=5)
    monkeypatch.setitem(profiles.PROFILES, "mini", small)
    config = RunConfig(model=str(tiny_model), out=str(tmp_path), limit=TINY_LIMIT)
    rows = steps.read_metrics(config, METHODS)["rows"]
    found = {row["method"]: row for row in rows if row["split"] == "id"}
    assert all(found[name]["brier_sure"] is not None for name in METHODS[:2])
    assert found["knowledge-weighted"]["brier_sure"] is None and found["knowledge-weighted"]["answer_rate"] is not None
    records = steps.read_tuning_records(config, "confidence-soft")
    assert isinstance(records[0], DrawnRecord) and len(records[0].alternatives) == 11
    assert steps.read_training_log(config, "confidence-soft").examples == 2 * len(records)
    again = steps.read_metrics(config, METHODS)["rows"]
    assert again == rows
