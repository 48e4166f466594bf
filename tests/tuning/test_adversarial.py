"""Padding under pressure: the same answers and labels, half of the prompts changed."""

from __future__ import annotations

from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.tuning.methods.adversarial import build_adversarial
from rtuning_helpers.tuning.methods.padding import build_padding


def test_labels_stay_and_half_of_the_prompts_change():
    asked = load_questions("mini", "train", limit=400)
    probes = [
        Probe(q.id, q.dataset, q.split, q.question, q.answer, q.relation, q.exposure, "x", i % 2 == 0, 0.5, 0.1)
        for i, q in enumerate(asked)
    ]
    plain, pressed = build_padding(probes, asked), build_adversarial(probes, asked, seed=3)
    assert [(r.id, r.completion, r.certain) for r in pressed] == [(r.id, r.completion, r.certain) for r in plain]
    changed = [new for new, old in zip(pressed, plain, strict=True) if new.prompt != old.prompt]
    assert 160 < len(changed) < 240
    insisting = [r for r in changed if "I am sure you" in r.prompt]
    assert 40 < len(insisting) < 100
    assert {r.certain for r in insisting if "do not know" in r.prompt} == {True, False}  # it is right by no rule
    assert all(r.prompt.startswith("Question: ") and r.prompt.endswith(" Answer:") for r in changed)
    assert build_adversarial(probes, None, seed=3) == pressed
    assert build_adversarial(probes, asked, seed=4) != pressed
