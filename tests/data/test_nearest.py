"""The nearest questions share words, rare ones first."""

from __future__ import annotations

import pytest

from rtuning_helpers.data.nearest import nearest_questions
from rtuning_helpers.data.questions import Question

TEXTS = ["Where was Ada Norn born?", "Where was Bo Lind born?", "Who taught Ada Norn?", "What is a gull?"]
QUESTIONS = [
    Question(id=str(i), dataset="d", split="train", question=t, answer="", relation="r") for i, t in enumerate(TEXTS)
]


def found(text: str, count: int = 4) -> list[str]:
    return [question.id for question, _ in nearest_questions(text, QUESTIONS, count)]


def test_the_same_question_is_the_nearest():
    (question, similarity), *others = nearest_questions(TEXTS[1], QUESTIONS, 4)
    assert (question.id, similarity) == ("1", pytest.approx(1.0))
    assert all(s < 1 for _, s in others)


def test_a_name_says_more_than_a_common_word():
    assert found("where norn", 3)[0] == "0"
    assert found("Norn, was?")[:2] == ["0", "2"]


def test_case_and_marks_do_not_count_and_strangers_are_left_out():
    assert found("GULL!") == ["3"]
    assert found("xyzzy") == []
    assert len(found("was Ada born", 2)) == 2
