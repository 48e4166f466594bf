"""Doubtful questions are flagged, by hand and on the real ParaRel files."""

from __future__ import annotations

import pytest

from rtuning_helpers.question_flags import flag_questions, subsets
from rtuning_helpers.questions import Question, load_questions


def ask(question, answer):
    return Question("q", "pararel", "id", question, answer, "P1(x)")


def test_each_flag_by_hand():
    asked = [
        ask("Who makes the Toyota Corolla?", "Toyota"),
        ask("Which language does Eva speak?", "Dutch"),
        ask(" Which language does Eva speak?", "French"),
        ask("Where is Ulm?", "Germany"),
        ask("Where is Ulm?", "Germany"),
        ask("Where is Bonn?", "Germany"),
    ]
    flags = flag_questions(asked, training=[ask("Where is Bonn? ", "elsewhere")])
    assert [f.answer_in_question for f in flags] == [True, False, False, False, False, False]
    assert [f.contradictory for f in flags] == [False, True, True, False, False, False]
    assert [f.repeated for f in flags] == [False, False, False, False, True, False]
    assert [f.in_training for f in flags] == [False, False, False, False, False, True]
    kept = subsets(flags)
    assert kept["all questions"] == list(range(6))
    assert kept["without answer in question"] == [1, 2, 3, 4, 5]
    assert kept["without contradictory"] == [0, 3, 4, 5]
    assert kept["without any of these"] == [3]
    assert list(kept) == [
        "all questions", "without answer in question", "without contradictory", "without repeated",
        "without in training", "without any of these",
    ]  # fmt: skip


def test_the_rule_decides_what_stands_in_a_question():
    asked = [ask("What does Stuttgart offer?", "art")]
    assert flag_questions(asked)[0].answer_in_question
    assert not flag_questions(asked, rule="words")[0].answer_in_question


def test_an_empty_set():
    assert flag_questions([]) == []
    assert subsets([])["all questions"] == []


@pytest.mark.parametrize(("split", "in_question", "repeated"), [("train", 808, 5), ("id", 874, 1), ("ood", 870, 3)])
def test_counts_of_the_real_files(shared_data, split, in_question, repeated):
    flags = flag_questions(load_questions("pararel", split, shared_data / "r-tuning" / "pararel"))
    assert sum(f.answer_in_question for f in flags) == in_question
    assert sum(f.repeated for f in flags) == repeated


def test_overlap_of_the_real_files(shared_data):
    folder = shared_data / "r-tuning" / "pararel"
    training, test = (load_questions("pararel", split, folder) for split in ("train", "id"))
    assert sum(f.in_training for f in flag_questions(test, training)) == 300
    flags = flag_questions(training)
    contradictory = [q.question.strip() for q, f in zip(training, flags, strict=True) if f.contradictory]
    # 272 and 110 if a space at a question's end makes it another question
    assert (len(contradictory), len(set(contradictory))) == (276, 111)
