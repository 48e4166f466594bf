"""Doubtful questions are flagged, by hand and on the real ParaRel files."""

from __future__ import annotations

from dataclasses import replace

import asked
import pytest

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.evaluation.question_flags import flag_questions, subsets
from rtuning_helpers.evaluation.trivial import relation_majority


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
    assert [f.majority_answer for f in flags] == [False] * 6
    assert kept["without majority answer"] == list(range(6))
    assert kept["without any of these"] == [3]
    assert list(kept) == [
        "all questions", "without answer in question", "without contradictory", "without repeated",
        "without in training", "without majority answer", "without any of these",
    ]  # fmt: skip


def test_the_rule_decides_what_stands_in_a_question():
    asked = [ask("What does Stuttgart offer?", "art")]
    assert flag_questions(asked)[0].answer_in_question
    assert not flag_questions(asked, rule="words")[0].answer_in_question


def test_the_most_frequent_answer_of_a_relation_in_training():
    training = [ask("Q1?", "jazz"), ask("Q2?", "jazz"), ask("Q3?", "opera"), replace(ask("Q4?", "Ulm"), relation="P2")]
    test = [ask("Q5?", "jazz"), ask("Q6?", "opera"), ask("Q7?", "Ulm"), replace(ask("Q8?", "Ulm"), relation="P2")]
    test += [ask("Q9?", "az"), replace(ask("Q10?", "Ulm"), relation="P3"), ask("Q11?", "")]
    flagged = [f.majority_answer for f in flag_questions(test, training)]
    assert flagged == [True, False, False, True, True, False, False]  # "az" is found in "jazz", as in the released code
    assert [f.majority_answer for f in flag_questions(test, training, "words")] == [*flagged[:4], False, False, False]
    assert subsets(flag_questions(test, training))["without majority answer"] == [1, 2, 5, 6]


def test_options_and_context_make_another_question():
    other = replace(asked.CHOICE, options=("1", "2", "3", "4"), answer="D")
    elsewhere = replace(asked.CLAIM, context="Nothing is known.", answer="C")
    flags = flag_questions([asked.CHOICE, other, asked.CLAIM, elsewhere])
    assert not any(f.contradictory or f.repeated for f in flags)
    flags = flag_questions([asked.CHOICE, replace(asked.CHOICE, answer="D"), asked.CHOICE], training=[other])
    assert [f.contradictory for f in flags] == [True] * 3
    assert [f.repeated for f in flags] == [False, False, True]
    assert [f.in_training for f in flags] == [True] * 3  # the words alone


def test_a_letter_does_not_stand_in_a_question():
    choice = replace(asked.CHOICE, question="Which vitamin B is it?")
    prediction = Prediction("1", "d", "id", choice.question, "B", "B", True, 0.5, None, None, task="choice")
    for item in (choice, prediction):
        assert not flag_questions([item])[0].answer_in_question
    assert flag_questions([replace(prediction, task="open")])[0].answer_in_question
    nobody = replace(asked.OPEN, answer="", answerable=False)
    assert not flag_questions([nobody])[0].any


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
    flags = flag_questions(test, training)
    assert sum(f.in_training for f in flags) == 300
    guesses = relation_majority(training, test)
    hits = [q.answer in guess for q, guess in zip(test, guesses, strict=True)]
    assert [f.majority_answer for f in flags] == hits
    assert 0.05 < sum(hits) / len(hits) < 0.5
    flags = flag_questions(training)
    contradictory = [q.question.strip() for q, f in zip(training, flags, strict=True) if f.contradictory]
    # 272 and 110 if a space at a question's end makes it another question
    assert (len(contradictory), len(set(contradictory))) == (276, 111)
