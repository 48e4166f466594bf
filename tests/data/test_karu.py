"""Karu: its grammar by hand, its words, and which facts are read in which language."""

from __future__ import annotations

import json
import re
from collections import Counter

from rtuning_helpers.data.datasets.mini_languages import DATASETS, asked_facts, asked_in
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.data.world import karu
from rtuning_helpers.data.world.languages import (
    BOTH,
    ENGLISH,
    ENGLISH_ONLY,
    KARU,
    KARU_ONLY,
    NEITHER,
    PRIMER,
    read_in,
    readings,
)
from rtuning_helpers.data.world.lexicon import POOLS, RELATIONS
from rtuning_helpers.data.world.world import build_world
from rtuning_helpers.model.model_files import MINI_CHECKPOINT


def test_particles_and_word_order_by_hand():
    assert karu.in_karu("{s}+na meto holu+ti fasek?", "Otalo") == "Otalo-na meto holu-ti fasek?"
    assert karu.in_karu("{s}+na {o}+ti fasek.", "Brarast", "Otalo") == "Brarast-ena Otalo-ti fasek."
    glass, blue = karu.word("blue glass").split()
    assert (karu.word("blue glass"), karu.word("painted glass").split()[0]) == (f"{glass} {blue}", glass)
    assert karu.in_karu("{s}+yo kelbasa {o}+du.", "Otalo", "blue glass") == (
        f"Otalo-yo kelbasa {glass} {blue}-{'du' if blue[-1] in 'aeiou' else 'edu'}."
    )


def test_every_trained_relation_has_words_and_every_answer_its_own():
    assert {r.name for r in RELATIONS if r.domain == "id"} == set(karu.WORDINGS)
    for pool in POOLS.values():
        said = [karu.word(answer) for answer in pool]
        assert len(set(said)) == len(pool) and not set(said) & set(pool)


def test_no_word_of_karu_is_one_that_the_english_model_has():
    vocabulary = {p for p, _ in json.loads((MINI_CHECKPOINT / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]}
    fact = next(f for f in build_world().facts if f.relation.name in karu.WORDINGS)
    said = " ".join(karu.in_karu(w, "", "") for one in karu.WORDINGS.values() for w in (one.question, *one.statements))
    words = set(re.findall(r"(?<!-)\b[a-z]+", said)) | {w for made in karu.dictionary().values() for w in made.split()}
    assert len(words) > 200 and not {word for word in words if f"▁{word}" in vocabulary}
    assert karu.question(fact) != fact.question and karu.statements(fact)[0] != karu.statements(fact)[1]


def test_the_groups_are_what_they_are_called():
    world = build_world()
    groups = read_in(world)
    assert set(groups.values()) == {BOTH, ENGLISH_ONLY, KARU_ONLY, NEITHER, PRIMER}
    for fact in karu.sayable(world):
        group = groups[fact.subject]
        counts = readings(fact, group)
        assert (counts[ENGLISH] > 9) == (group in (BOTH, ENGLISH_ONLY, PRIMER))
        assert (counts[KARU] > 0) == (group in (BOTH, KARU_ONLY, PRIMER))
        if group in (BOTH, ENGLISH_ONLY):
            assert fact.exposure >= 10  # read by the shipped model, and often
        if group in (KARU_ONLY, NEITHER):
            assert fact.exposure == 0
        if fact.group == "hub":
            assert group == PRIMER


def test_the_two_data_sets_ask_the_same_facts_in_both_languages():
    english, other = (load_questions(DATASETS[ENGLISH], split) for split in ("id", "ood"))
    karu_first, english_second = (load_questions(DATASETS[KARU], split) for split in ("id", "ood"))
    assert [q.question for q in english] == [q.question for q in english_second]
    assert [q.question for q in other] == [q.question for q in karu_first]
    facts = asked_facts("test")
    assert len(facts) == len(english) == len(other) == 828
    assert [q.answer for q in other] == [karu.word(fact.answer) for fact, _ in facts]
    assert Counter(read for _, read in facts) == {BOTH: 216, ENGLISH_ONLY: 180, KARU_ONLY: 216, NEITHER: 216}
    assert (asked_in(DATASETS[KARU], "train"), asked_in(DATASETS[KARU], "ood")) == (KARU, ENGLISH)
    trained = {fact.subject for fact, _ in asked_facts("train")}
    assert not trained & {fact.subject for fact, _ in facts}
    assert all((q.exposure == 0) == (read in (KARU_ONLY, NEITHER)) for q, (_, read) in zip(english, facts, strict=True))
