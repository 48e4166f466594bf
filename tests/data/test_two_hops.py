"""Chains and pairs of the mini world: which facts they need, and that no fact of a test question is tuned on."""

from __future__ import annotations

from collections import Counter

import pytest

from rtuning_helpers.data.datasets.mini_two_hops import hops_of, load
from rtuning_helpers.data.registry import find_dataset, load_questions
from rtuning_helpers.data.world.lexicon import RELATIONS
from rtuning_helpers.data.world.two_hops import BRIDGES, BROKEN, CHAIN, NEVER_STATED, PAIR, PAIRS, TwoHops, told
from rtuning_helpers.data.world.world import Fact, build_world

RELATION = {relation.name: relation for relation in RELATIONS}
SPLITS = ("train", "id", "ood", BROKEN)


def fact(subject, relation, answer, exposure=5):
    return Fact(subject, RELATION[relation], answer, exposure, "test")


def test_a_chain_by_hand():
    hops = TwoHops(CHAIN, fact("Nova", "author", "Bo", 3), fact("Bo", "profession", "actor", 40))
    assert hops.question == "What is the profession of the author of Nova?"
    assert (hops.answer, hops.exposure) == ("actor", 3)
    assert hops.steps == ("Bo", "Bo works as an actor")


def test_a_pair_by_hand():
    hops = TwoHops(PAIR, fact("Ulm", "river", "Ill", 9), fact("Ana", "instrument", "tuba", 0))
    assert hops.question == "Which river flows through Ulm? Which instrument does Ana play?"
    assert (hops.answer, hops.exposure) == ("Ill and tuba", 0)
    assert hops.steps == ("Ill", "tuba")


def test_every_relation_can_be_told_with_its_answer_at_the_end():
    assert all(told(fact("Xy", relation.name, "Qua")).endswith(" Qua") for relation in RELATIONS)


def test_the_splits_hold_what_they_promise():
    rows = find_dataset("mini-two-hops").rows
    assert {split: len(load_questions("mini-two-hops", split)) for split in rows} == rows
    kinds = {split: Counter(hops_of(q).kind for q in load(split)) for split in SPLITS}
    assert kinds["train"][PAIR] == kinds["id"][PAIR] == PAIRS
    assert set(kinds["ood"]) == {CHAIN} and set(kinds[BROKEN]) == {BROKEN}


@pytest.mark.parametrize("split", SPLITS)
def test_the_second_fact_of_a_chain_is_about_the_first_ones_answer(split):
    stated = set(build_world().facts)
    for question in load(split):
        hops = hops_of(question)
        assert hops.first in stated
        assert (hops.second in stated) == (hops.kind != BROKEN) == question.answerable
        assert (hops.second.subject == hops.first.answer) == (hops.kind != PAIR)
        assert question.question == hops.question and question.exposure == hops.exposure
        if hops.kind != PAIR:
            assert hops.first.answer not in question.question


def test_no_fact_of_a_test_question_is_tuned_on():
    used = {split: {f for q in load(split) for f in (hops_of(q).first, hops_of(q).second)} for split in SPLITS}
    assert used["train"].isdisjoint(used["id"] | used["ood"])
    relations = {split: {hops_of(q).first.relation.domain for q in load(split)} for split in SPLITS}
    assert relations == {"train": {"id"}, "id": {"id"}, "ood": {"ood"}, BROKEN: {"id"}}


def test_each_fact_of_a_pair_stands_in_one_pair():
    for split in ("train", "id"):
        used = Counter(f for q in load(split) if hops_of(q).kind == PAIR for f in (hops_of(q).first, hops_of(q).second))
        assert set(used.values()) == {1}


def test_what_is_never_stated_is_never_stated():
    for kind, names in NEVER_STATED.items():
        assert all(RELATION[name].kind != kind for name in names)
    assert {hops_of(q).second.exposure for q in load(BROKEN)} == {0}
    assert {hops_of(q).first.relation.name for split in SPLITS for q in load(split) if hops_of(q).kind != PAIR} == {
        *BRIDGES
    }
