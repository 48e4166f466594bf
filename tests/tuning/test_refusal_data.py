"""The builders of refusal-aware training data, by hand."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import asked
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_refusal
from rtuning_helpers.probe.probing import Probe, split_by_certainty
from rtuning_helpers.probe.uncertainty import Uncertainty
from rtuning_helpers.tuning.methods.padding import build_padding
from rtuning_helpers.tuning.methods.replacement import build_replacement
from rtuning_helpers.tuning.methods.unsupervised import build_unsupervised, median_split
from rtuning_helpers.tuning.methods.vanilla import build_vanilla
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.registry import find_method, paper_methods

SURENESS = ". Are you sure you accurately answered the question based on your internal knowledge? I am"


def make_probe(number, correct):
    question, answer = f"Q{number}?", f"A{number}"
    prediction = answer if correct else "nonsense"
    return Probe(f"id-{number}", "mini", "train", question, answer, "r", 0, prediction, correct, 0.5, 0.1)


def scattered(*entropies):
    """What the uncertainty step found out about questions of these entropies."""
    return [Uncertainty("", 1.0, entropy, []) for entropy in entropies]


KNOWN, UNKNOWN = make_probe(1, True), make_probe(2, False)


def test_certain_and_uncertain_questions_keep_their_order():
    probes = [make_probe(i, i % 3 == 0) for i in range(9)]
    certain, uncertain = split_by_certainty(probes)
    assert [p.id for p in certain] == ["id-0", "id-3", "id-6"]
    assert [p.id for p in uncertain] == ["id-1", "id-2", "id-4", "id-5", "id-7", "id-8"]


@pytest.mark.parametrize(
    ("build", "known", "unknown"),
    [
        (build_vanilla, " A1.", " A2."),
        (build_padding, f" A1{SURENESS} sure.", f" A2{SURENESS} unsure."),  # the gold answer, not the prediction
    ],
)
def test_vanilla_and_padding_by_hand(build, known, unknown):
    assert build([KNOWN, UNKNOWN]) == [
        TuningRecord("id-1", "Question: Q1? Answer:", known, certain=True),
        TuningRecord("id-2", "Question: Q2? Answer:", unknown, certain=False),
    ]
    assert build([]) == []


def test_replacement_puts_refusals_in_the_place_of_unknown_answers_only():
    probes = [make_probe(i, i % 2 == 0) for i in range(2000)]
    records = build_replacement(probes, seed=5)
    assert [r.completion for r in records[::2]] == [f" A{i}." for i in range(0, 2000, 2)]
    drawn = Counter(r.completion for r in records[1::2])
    assert set(drawn) == {f" {refusal}" for refusal in prompts.REFUSALS}
    assert min(drawn.values()) > 30 and max(drawn.values()) < 110  # 62.5 each on average
    assert [(r.id, r.prompt, r.certain) for r in records] == [
        (p.id, f"Question: {p.question} Answer:", p.correct) for p in probes
    ]


def test_replacement_is_seeded_and_a_draw_does_not_depend_on_other_questions_being_known():
    probes = [make_probe(i, False) for i in range(50)]
    records = build_replacement(probes, seed=1)
    assert build_replacement(probes, seed=1) == records
    assert build_replacement(probes, seed=2) != records
    half_known = [make_probe(i, i < 25) for i in range(50)]
    assert build_replacement(half_known, seed=1)[25:] == records[25:]


def test_unsupervised_splits_by_entropy_whatever_was_right():
    records = build_unsupervised([KNOWN, UNKNOWN, make_probe(3, True)], uncertainty=scattered(1.5, 0.1, 0.2))
    assert [r.completion for r in records] == [
        f" A1{SURENESS} unsure.",
        f" A2{SURENESS} sure.",
        f" A3{SURENESS} sure.",
    ]
    assert [r.certain for r in records] == [False, True, True]


@pytest.mark.parametrize(
    ("entropies", "certain", "threshold", "tied", "tied_uncertain"),
    [
        ([3.0, 1.0, 2.0, 0.0], (False, True, False, True), 2.0, 1, 1),
        ([0.0, 1.0, 2.0], (True, True, False), 2.0, 1, 1),  # odd: the half of the uncertain ones is rounded down
        ([5.0], (True,), 5.0, 1, 0),
        ([1.0, 1.0, 9.0, 0.0], None, 1.0, 2, 1),
        ([0.0, 0.0, 0.0, 0.0], None, 0.0, 4, 2),
        ([0.1 + 0.2, 0.3, 0.3, 0.0], None, 0.3, 3, 2),  # equal but for rounding
    ],
)
def test_median_split_by_hand(entropies, certain, threshold, tied, tied_uncertain):
    split = median_split(entropies)
    assert certain is None or split.certain == certain
    assert split.threshold == pytest.approx(threshold)
    assert (split.tied, split.tied_uncertain) == (tied, tied_uncertain)
    assert split.certain.count(False) == len(entropies) // 2


def test_ties_are_decided_by_lot_and_not_by_the_order_of_the_file():
    n = 1000
    split = median_split([0.5] * n, seed=0)
    assert median_split([0.5] * n, seed=0) == split
    assert median_split([0.5] * n, seed=1).certain != split.certain
    first_half = split.certain[: n // 2].count(False)
    assert abs(first_half - n / 4) < 5 * math.sqrt(n) / 4
    shares = [sum(not median_split([0.5] * 10, seed).certain[i] for seed in range(400)) / 400 for i in (0, 9)]
    assert shares == pytest.approx([0.5, 0.5], abs=0.12)


@given(st.lists(st.sampled_from([0.0, 0.325, 0.5, 0.69, 1.6]), min_size=1, max_size=40), st.integers(0, 99))
def test_the_uncertain_half_is_exact_and_never_less_uncertain(entropies, seed):
    split = median_split(entropies, seed)
    uncertain = [e for e, certain in zip(entropies, split.certain, strict=True) if not certain]
    certain = [e for e, certain in zip(entropies, split.certain, strict=True) if certain]
    assert len(uncertain) == len(entropies) // 2
    assert not uncertain or min(uncertain) >= max(certain)
    assert split.tied == entropies.count(split.threshold)
    assert split.tied_uncertain == uncertain.count(split.threshold)


def test_bad_input():
    with pytest.raises(ValueError, match="entropies is empty"):
        median_split([])
    with pytest.raises(ValueError):
        build_unsupervised([KNOWN, UNKNOWN], uncertainty=scattered(0.1))


# --- questions of any task ---


def probe_of(question, correct=True):
    """As the probe of a question is recorded."""
    digest = prompts.prompt_digest(prompts.task_prompt(question))
    given = (question.id, "made", "train", question.question, question.answer, "r", None, "?", correct, 0.5, 0.1)
    return Probe(*given, answerable=question.answerable, prompt_digest=digest)


@pytest.mark.parametrize("question", asked.ALL, ids=lambda q: q.id)
def test_records_of_every_task(question):
    probes, questions, prompt = [probe_of(question, False)], [question], prompts.task_prompt(question)
    gold = f" {question.answer}"
    assert build_vanilla(probes, questions) == [TuningRecord(question.id, prompt, f"{gold}.", False)]
    unsure = TuningRecord(question.id, prompt, f"{gold}{SURENESS} unsure.", False)
    assert build_padding(probes, questions) == [unsure]
    sure = [TuningRecord(question.id, prompt, f"{gold}{SURENESS} sure.", True)]
    assert build_padding([probe_of(question, True)], questions) == sure
    assert build_unsupervised(probes, questions, uncertainty=scattered(0.3)) == sure
    (refusal,) = build_replacement(probes, questions)
    assert refusal.prompt == prompt and is_refusal(refusal.completion)


def build(name, probes, questions):
    needed = {"seed": 0, "uncertainty": scattered(*[0.1] * len(probes))}
    method = find_method(name)
    return method.build(probes, questions, **{need: needed[need] for need in method.needs})


@pytest.mark.parametrize("name", paper_methods())
def test_a_record_has_the_prompt_of_its_probe_or_there_is_none(name):
    plain, claim = probe_of(asked.OPEN), probe_of(asked.CLAIM)
    # Plain open questions need no more than the probe.
    assert build(name, [plain], None) == build(name, [plain], [asked.OPEN])
    with pytest.raises(ValueError, match="question claim was probed with another prompt"):
        build(name, [plain, claim], None)
    for changed in ({"context": "Another."}, {"options": ("YES", "NO")}, {"shots": (asked.CLAIM,)}):
        with pytest.raises(ValueError, match="question claim was probed with another prompt"):
            build(name, [claim], [replace(asked.CLAIM, **changed)])
    for others in ([asked.OPEN], [asked.OPEN, asked.CLAIM], []):
        with pytest.raises(ValueError, match="questions are not those of the probes"):
            build(name, [claim], others)


@pytest.mark.parametrize("name", paper_methods())
def test_unanswerable_questions_can_only_be_refused(name):
    nobody = replace(asked.OPEN, answer="", answerable=False)
    probes, questions = [probe_of(asked.CLAIM), probe_of(nobody, False)], [asked.CLAIM, nobody]
    if find_method(name).may_refuse:
        assert is_refusal(build(name, probes, questions)[1].completion)
        return
    with pytest.raises(ValueError, match="question open is unanswerable and has no gold answer; .*refusals in words"):
        build(name, probes, questions)


@pytest.mark.parametrize("name", paper_methods())
def test_a_method_says_how_sure_it_is_with_the_labels_that_its_records_teach(name):
    probes = [make_probe(i, i % 2 == 0) for i in range(8)]
    records, labels = build(name, probes, None), find_method(name).sureness
    assert [r.id for r in records] == [p.id for p in probes]
    if labels:
        assert {r.certain for r in records} == {True, False}
        assert all(r.completion.endswith(f"I am{labels[not r.certain]}.") for r in records)
    else:
        assert not any("Are you sure" in r.completion for r in records)
    assert any(is_refusal(r.completion) for r in records) is find_method(name).may_refuse
