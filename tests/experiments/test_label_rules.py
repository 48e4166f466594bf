"""Rules that call a question certain, the bands of knowledge, and the recording over seeds."""

from __future__ import annotations

import pytest
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.data.questions import Question
from rtuning_helpers.experiments.labels import measure as label_rules
from rtuning_helpers.experiments.labels.measure import (
    BANDS,
    RULES,
    certain_labels,
    knowledge_band,
    measure,
    right_samples,
)
from rtuning_helpers.experiments.labels.recording import RECORDING
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.run.profiles import RunConfig


def probe_of(correct, exposure=0):
    return Probe("q", "mini", "train", "Who?", "Ann", "r", exposure, "Ann" if correct else "Bob", correct, 0.5, 1.0)


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    return RunConfig(limit=TINY_LIMIT, model=str(tiny_model), out=str(tmp_path_factory.mktemp("runs")))


@pytest.mark.parametrize(
    ("greedy", "samples", "band"),
    [
        (True, [True, True], "highly known"),
        (True, [True, False], "maybe known"),
        (True, [False, False], "maybe known"),
        (False, [True, False], "weakly known"),
        (False, [True, True], "weakly known"),
        (False, [False, False], "unknown"),
    ],
)
def test_bands(greedy, samples, band):
    assert knowledge_band(greedy, samples) == band
    assert band in BANDS


def test_a_band_needs_two_samples():
    with pytest.raises(ValueError, match="samples_correct has 1 entries; bands need at least k = 2"):
        knowledge_band(True, [True])


def test_each_rule_draws_its_own_border():
    cases = {  # (greedy right, samples, exposure) -> which rules call it certain
        (True, (True, True, False, False), 0): {"greedy answer", "any of k samples", "half of k samples"},
        (False, (True, False, False, False), 6): {"any of k samples"},
        (True, (True,) * 4, 7): set(RULES),
        (True, (False,) * 4, 7): {"greedy answer", "the corpus"},
    }
    for (greedy, samples, exposure), expected in cases.items():
        assert {name for name, rule in RULES.items() if rule(probe_of(greedy, exposure), samples)} == expected


def test_samples_are_graded_as_their_question_asks():
    question = Question("q", "mini", "train", "Who?", "Ann", "r", aliases=("Lee",))
    letter = Question("c", "mmlu", "train", "Who?", "B", "r", task="choice", options=("Ann", "Bob"))
    samples = [["Ann", "ann.", "Anna", "", "Lee"], ["B", "A", "b"]]
    assert right_samples([question, letter], samples) == [[True, True, False, False, True], [True, False, False]]


def test_the_greedy_rule_is_the_probe(config):
    assert certain_labels(config, "greedy answer") == [p.correct for p in steps.read_probes(config)]


def test_bad_rules(config, monkeypatch):
    with pytest.raises(ValueError, match="rule is 'vibes'; expected one of greedy answer"):
        certain_labels(config, "vibes")
    probes = [probe_of(True, None)]
    monkeypatch.setattr(steps, "read_probes", lambda _: probes)
    with pytest.raises(ValueError, match="'the corpus' needs questions of known exposure"):
        certain_labels(config, "the corpus")


def test_another_rule_is_tuned_on_its_labels(config, monkeypatch):
    called = []

    def record(records, *args, original=label_rules.finetune, **kwargs):
        called.append([r.certain for r in records])
        return original(records, *args, **kwargs)

    monkeypatch.setattr(label_rules, "finetune", record)
    effects = measure(config, "any of k samples")
    assert called == [certain_labels(config, "any of k samples")]
    assert [e["split"] for e in effects] == ["id", "ood"]
    for effect in effects:
        assert effect["n"] == TINY_LIMIT
        assert effect["certain"] == pytest.approx(sum(called[0]) / TINY_LIMIT)
        assert 0 <= effect["ece_sure"] <= 1
        assert 0 <= effect["brier_sure"] <= 1
    assert measure(config, "any of k samples") == effects  # kept, not trained again
    assert len(called) == 1


def test_the_greedy_rule_is_the_padding_run_itself(config):
    found = label_rules.predictions_under(config, "greedy answer")
    assert found["id"] == steps.read_method_predictions(config, "padding", "id")


def test_the_recording_is_complete():
    rows = RECORDING.content()["rows"]
    cells = {(row["rule"], row["seed"], row["split"]) for row in rows}
    assert cells == {(rule, seed, split) for rule in RULES for seed in (0, 1, 2) for split in ("id", "ood")}
    assert len(rows) == len(cells)


@pytest.mark.notebooks
def test_a_recorded_cell_comes_out_again():
    """Seed 0, tuned on the labels of another rule; the folder is that of the notebooks, which share its steps."""
    recorded = {r["split"]: r for r in RECORDING.content()["rows"] if (r["seed"], r["rule"]) == (0, "all k samples")}
    for effect in measure(RunConfig(), "all k samples"):
        for metric in ("certain", "accuracy", "ap_sure", "auroc_sure", "ece_sure", "brier_sure", "answer_rate"):
            assert effect[metric] == pytest.approx(recorded[effect["split"]][metric], abs=0.06), metric
