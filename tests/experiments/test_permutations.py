"""Options in every rotation: places, golds, what counts as consistent, and bad questions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.experiments.labels import permutations
from rtuning_helpers.experiments.labels.permutations import Rotated, ask_rotations, rotations, with_options

ASKED = Question("q", "d", "id", "Capital of Foo?", "B", "cities", task="choice", options=("w", "x", "y", "z"))


def test_every_option_stands_once_at_every_letter():
    turned = rotations(ASKED)
    assert [t.options["ABCD".index(t.answer)] for t in turned] == ["x"] * 4
    assert {t.answer for t in turned} == set("ABCD")
    for place in range(4):
        assert {t.options[place] for t in turned} == set("wxyz")
    assert turned[0] == ASKED


def test_luck_and_knowledge_by_hand():
    gold = np.array([[1, 2, 3, 0]] * 4)
    letters = np.array([[1, 2, 3, 0], [0, 0, 0, 0], [2, 3, 0, 1], [1, 2, 3, 3]])
    found = Rotated(letters, gold)  # knows it; always says A; always the same wrong option; right but once
    assert found.right.tolist() == [[True] * 4, [False] * 3 + [True], [False] * 4, [True] * 3 + [False]]
    assert found.always_right.tolist() == [True, False, False, False]
    assert found.consistent.tolist() == [True, False, True, False]
    assert found.letter_rates.tolist() == pytest.approx([6 / 16, 3 / 16, 3 / 16, 4 / 16])


def test_open_questions_get_options_of_their_relation():
    asked = load_questions("mini", "id")[:300]
    made = with_options(asked, seed=1)
    pools = {}
    for q in asked:
        pools.setdefault(q.relation, set()).add(q.answer)
    for before, after in zip(asked, made, strict=True):
        assert after.options["ABCD".index(after.answer)] == before.answer
        assert len(set(after.options)) == 4
        assert set(after.options) <= pools[before.relation]
    assert {q.answer for q in made} == set("ABCD")
    assert made == with_options(asked, seed=1) != with_options(asked, seed=2)


def test_a_small_relation_borrows_from_all():
    asked = [Question(str(i), "d", "id", "Who?", name, f"relation {i}") for i, name in enumerate(("Ann", "Bob", "Cy"))]
    assert {option for q in with_options(asked, count=3) for option in q.options} == {"Ann", "Bob", "Cy"}


def test_a_model_that_reads_the_letter_off_is_told_from_one_that_knows(tiny_lm, monkeypatch):
    asked = with_options(load_questions("mini", "train", limit=TINY_LIMIT * 10), count=2)

    def always_the_first(lm, contexts, labels, **_):
        return np.tile(np.linspace(1, 0, len(labels)), (len(contexts), 1))

    real = ask_rotations(tiny_lm, asked[:20])
    assert real.letters.shape == (20, 2)
    monkeypatch.setattr(permutations, "label_probabilities", always_the_first)
    biased = ask_rotations(tiny_lm, asked)
    assert biased.right[:, 0].mean() == pytest.approx(0.5, abs=0.15)  # looks like chance
    assert not biased.always_right.any()
    assert biased.letter_rates.tolist() == [1, 0]


def test_bad_questions(tiny_lm):
    with pytest.raises(ValueError, match="questions is empty"):
        ask_rotations(tiny_lm, [])
    with pytest.raises(ValueError, match="different numbers of options"):
        ask_rotations(tiny_lm, [ASKED, replace(ASKED, options=("a", "b"))])
    with pytest.raises(ValueError, match="answer of q is 'E'; expected one of its 4 options' letters"):
        rotations(replace(ASKED, answer="E"))
    with pytest.raises(ValueError, match="question q has options already"):
        with_options([ASKED])
    with pytest.raises(ValueError, match="questions have 1 different answers; 4 options need at least 4"):
        with_options([Question("q", "d", "id", "Who?", "Ann", "r")])
