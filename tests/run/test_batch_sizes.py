"""Smaller batches after a process was killed: the same optimiser steps, the same results, and the same step's key."""

from __future__ import annotations

import pytest
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.batch_sizes import BATCH_DIVISOR, smaller
from rtuning_helpers.run.profiles import PROFILES, RunConfig


@pytest.mark.parametrize(
    ("profile", "divisor", "sizes"),
    [
        ("mini", "1", (32, 1, 256)),
        ("mini", "4", (8, 4, 64)),
        ("mini", "3", (16, 2, 85)),  # examples in parts of the same size
        ("colab-t4", "100", (1, 16, 1)),
    ],
)
def test_an_optimiser_step_sees_as_many_examples(monkeypatch, profile, divisor, sizes):
    monkeypatch.setenv(BATCH_DIVISOR, divisor)
    settings = PROFILES[profile]
    found = smaller(settings)
    assert (found.batch_size, found.accumulation, found.answer_batch) == sizes
    assert found.batch_size * found.accumulation == settings.batch_size * settings.accumulation
    monkeypatch.delenv(BATCH_DIVISOR)
    assert smaller(settings) == settings


@pytest.mark.parametrize("text", ["0", "", "-1", "half"])
def test_another_divisor_is_refused(monkeypatch, text):
    monkeypatch.setenv(BATCH_DIVISOR, text)
    with pytest.raises(InputError, match=f"variable RTUNING_BATCH_DIVISOR '{text}': expected a whole number of at"):
        smaller(PROFILES["mini"])


def test_results_are_the_same_and_taken_for_the_same(tiny_model, tmp_path, monkeypatch):
    config = RunConfig(model=str(tiny_model), limit=TINY_LIMIT, out=str(tmp_path))
    small = RunConfig(model=str(tiny_model), limit=TINY_LIMIT, out=str(tmp_path / "small"))
    log, whole = steps.read_training_log(config, "padding"), steps.read_method_predictions(config, "padding", "id")
    monkeypatch.setenv(BATCH_DIVISOR, "4")
    other, parts = steps.read_training_log(small, "padding"), steps.read_method_predictions(small, "padding", "id")
    assert (log.steps, log.examples) == (other.steps, other.examples)
    assert [loss for _, loss in other.losses] == pytest.approx([loss for _, loss in log.losses], rel=1e-2)
    assert [p.prediction for p in parts] == [p.prediction for p in whole]
    folder = steps.prediction_step(config, "padding")
    before = (folder / "manifest.json").stat().st_mtime_ns
    assert (steps.prediction_step(config, "padding") / "manifest.json").stat().st_mtime_ns == before
    manifests = [(f / "manifest.json").read_text() for f in (folder, steps.prediction_step(small, "padding"))]
    assert '"answer_batch": 256' in manifests[1] and '"batch_size": 32' in manifests[1]
