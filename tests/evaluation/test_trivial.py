"""The rows that need no model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtuning_helpers.data.questions import Question
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.evaluation.trivial import relation_majority, template_confidence, trivial_rows


def ask(relation, answer):
    return Question("id", "mini", "train", "Q?", answer, relation)


def test_relation_majority_by_hand():
    training = [ask("colour", a) for a in ("red", "blue", "red")] + [ask("birthplace", a) for a in ("Ulm", "Bonn")]
    test = [ask("birthplace", "Ulm"), ask("colour", "blue"), ask("unseen", "x"), ask("colour", "red")]
    assert relation_majority(training, test) == ["Bonn", "red", "", "red"]  # a tie goes by the alphabet
    assert relation_majority(training[::-1], test) == ["Bonn", "red", "", "red"]
    assert relation_majority([], test) == [""] * 4
    assert relation_majority(training, []) == []


def test_always_answer_and_always_refuse():
    right = Prediction("1", "mini", "id", "Q?", "a", "a", True, 0.9, None, None)
    wrong = replace(right, id="2", correct=False)
    answer, refuse = trivial_rows([right, wrong, wrong, wrong])
    assert answer == {"method": "always answer", "answer_rate": 1.0, "willing_accuracy": pytest.approx(0.25)}
    assert refuse == {"method": "always refuse", "answer_rate": 0.0, "willing_accuracy": None}


def test_template_confidence_by_hand():
    training = [ask("colour", "red"), ask("colour", "blue"), ask("birthplace", "Ulm"), ask("birthplace", "Bonn")]
    test = [ask("birthplace", "x"), ask("colour", "x"), ask("unseen", "x")]
    assert template_confidence(training, [True, False, False, False], test) == [0.0, 0.5, 0.25]
