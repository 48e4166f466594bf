"""Solved examples of the style few-shot: which training questions are shown."""

from __future__ import annotations

from dataclasses import replace

import asked
import pytest

from rtuning_helpers.data.examples import draw_examples
from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError


def made(count: int, relations: int, **fields) -> list[Question]:
    return [Question(str(i), "made", "train", f"Q{i}?", f"A{i}", f"r{i % relations}", **fields) for i in range(count)]


def test_each_example_is_of_another_relation_where_there_are_enough():
    training = made(200, 40)
    for seed in range(20):
        drawn = draw_examples(training, 5, seed)
        assert len({q.relation for q in drawn}) == 5 and set(drawn) <= set(training)
    assert draw_examples(training, 5, 1) == draw_examples(training, 5, 1)
    assert len({draw_examples(training, 5, seed) for seed in range(20)}) == 20


def test_few_relations_give_one_each_before_any_gives_another():
    drawn = draw_examples(made(60, 3), 5, 0)
    counts = sorted(sum(q.relation == f"r{k}" for q in drawn) for k in range(3))
    assert counts == [1, 2, 2] and len(set(drawn)) == 5


def test_every_kind_of_question_gets_examples():
    choices = [replace(asked.CHOICE, id=f"c{i}", dataset="made") for i in range(9)]
    others = [replace(q, dataset="other") for q in made(9, 2)]
    drawn = draw_examples([*made(9, 2), *choices, *others], 3, 0)
    assert [(q.dataset, q.task) for q in drawn] == [("made", "open")] * 3 + [("made", "choice")] * 3 + [
        ("other", "open")
    ] * 3


def test_what_has_no_answer_or_brings_examples_is_not_shown():
    silent = made(20, 2, answerable=False)
    told = [replace(q, id=f"x{q.id}") for q in made(7, 7)]
    assert set(draw_examples([*silent, *told], 5, 0)) <= set(told)
    brings = [replace(q, shots=(asked.EXAMPLE,)) for q in told]
    for training in (silent, brings, []):
        with pytest.raises(
            InputError, match="parameter style few-shot: the training questions bring examples of their own"
        ):
            draw_examples(training, 1, 0)


@pytest.mark.parametrize(("there", "most"), [(6, 4), (2, 0), (1, 0)])
def test_more_examples_than_there_are_is_told_in_one_line(there, most):
    with pytest.raises(InputError, match=f"parameter shots 5: data set made has {there} .* expected at most {most}$"):
        draw_examples(made(there, 2), 5, 0)
    assert len(draw_examples(made(7, 2), 5, 0)) == 5
