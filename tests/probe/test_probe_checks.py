"""What a probe is worth: empty and constant answers, and whether there is something to train on."""

from __future__ import annotations

from dataclasses import replace

import asked
import pytest

from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.probe.probe_checks import ConstantAnswer, check_trainable_probe, constant_answers, probe_summary
from rtuning_helpers.probe.probing import Probe


def probed(question: Question, said: str, correct: bool) -> Probe:
    fields = {name: getattr(question, name) for name in ("id", "dataset", "split", "question", "answer", "relation")}
    return Probe(**fields, exposure=None, prediction=said, correct=correct, confidence=1.0, token_entropy=0.0)


def many(right: int, wrong: int, empty: int = 0) -> list[Probe]:
    """Probes of which some of the wrong ones are empty."""
    said = ["Rome"] * right + [""] * empty + ["Oslo"] * (wrong - empty)
    return [probed(replace(asked.OPEN, id=str(i)), text, i < right) for i, text in enumerate(said)]


def test_a_constant_letter_is_named_with_the_right_answers_it_gets():
    """40 questions, 16 of them with the gold answer A, and a model that always says A: D1 is "the gold is A"."""
    golds = ["A"] * 16 + ["B"] * 9 + ["C"] * 8 + ["D"] * 7
    questions = [replace(asked.CHOICE, id=str(i), answer=gold) for i, gold in enumerate(golds)]
    always = [probed(q, "A", q.answer == "A") for q in questions]
    assert constant_answers(questions, always) == [ConstantAnswer("4 options", "A", 40, 16, 16)]
    knows = [probed(q, q.answer, True) for q in questions]
    assert constant_answers(questions, knows) == [ConstantAnswer("4 options", "A", 40, 16, 16)]
    assert probe_summary(questions, always)["constant_answers"]["certain"] == 16
    assert probe_summary(questions, knows)["certain"] == 40


def test_a_relations_majority_is_named_with_the_right_answers_it_gets():
    golds = {"capital": ["Rome", "Rome", "Rome", "Oslo"], "maker": ["Fiat", "Audi"], "born": ["Bonn", "Bonn"]}
    pairs = [(r, gold) for r, answers in golds.items() for gold in answers]
    questions = [replace(asked.OPEN, id=str(i), relation=r, answer=gold) for i, (r, gold) in enumerate(pairs)]
    right = {0, 1, 3, 4, 6}
    probes = [probed(q, q.answer if i in right else "no idea", i in right) for i, q in enumerate(questions)]
    assert constant_answers(questions, probes) == [
        ConstantAnswer("capital", "Rome", 4, 3, 2),
        ConstantAnswer("born", "Bonn", 2, 2, 1),  # of the makers, no answer occurs twice
    ]
    silent = replace(questions[0], id="x", answer="", answerable=False)
    with_silent = constant_answers([*questions, silent], [*probes, probed(silent, "Rome", False)])
    assert with_silent == constant_answers(questions, probes)
    summary = probe_summary(questions, probes)
    assert summary["constant_answers"]["right"] == 5 and summary["constant_answers"]["certain"] == 3
    assert (summary["questions"], summary["certain"], summary["uncertain"], summary["empty_answers"]) == (8, 5, 3, 0)
    assert summary["constant_answers"]["largest"][0]["group"] == "capital"


@pytest.mark.parametrize(
    ("probes", "complaint"),
    [
        (many(0, 150, empty=150), "0 of 150 training questions are certain and 150 answers are empty, so .*at least 5"),
        (many(4, 96), "4 of 100 .* nothing to train on; expected at least 5 certain"),
        (many(60, 40, empty=34), "60 of 100 .* 34 answers are empty, so that there is nothing to train on"),
        (many(96, 4), "96 of 100 .* nothing to be unsure of; expected at least 5 uncertain: try a data set"),
        (many(4, 16), "4 of 20 .* expected at least 5 certain"),
        (many(0, 12), "0 of 12 .* expected at least 1 certain"),
        (many(12, 0), "12 of 12 .* expected at least 1 uncertain"),
        (many(5, 5, empty=4), "5 of 10 .* 4 answers are empty, so that there is nothing to train on"),
    ],
)
def test_a_probe_that_nothing_can_be_trained_on_is_told_in_one_line(probes, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        check_trainable_probe(probes, "owner/m", "plain")
    line = str(caught.value)
    assert line.startswith("parameter style plain: with parameter model owner/m ") and "\n" not in line
    if "uncertain:" not in line:
        assert line.endswith(
            "try parameter style few-shot, or parameter style auto, which tries each style and takes the best"
        )


@pytest.mark.parametrize("counts", [(5, 95), (95, 5), (50, 50, 33), (5, 15), (1, 18), (18, 1), (1, 1)])
def test_other_probes_pass(counts):
    check_trainable_probe(many(*counts), "m", "plain")


def test_the_advice_is_not_what_was_tried():
    for style, advice in (
        ("few-shot", "try parameter style plain, or parameter style auto"),
        ("auto", "try a model that knows some"),
    ):
        with pytest.raises(InputError, match=advice):
            check_trainable_probe(many(0, 50), "m", style)
