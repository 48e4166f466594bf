"""Pressure on questions: each change by hand, and that the mini model has read every word of its sentences."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from rtuning_helpers.data import prompts
from rtuning_helpers.data.pressure import (
    AUTHORITY,
    DOWN,
    INSISTENCE,
    UP,
    Attack,
    both,
    false_examples,
    misspelt_name,
    misspelt_word,
    name_in,
    noise_behind,
    paraphrased,
    plain_words,
    sentence_before,
    taught_attacks,
    words_behind,
    wrong_hint,
)
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.data.world.lexicon import RELATIONS
from rtuning_helpers.data.world.paraphrases import PARAPHRASES
from rtuning_helpers.model.language_model import load_tokenizer

BORN = Question("q1", "mini", "id", "In which city was Clilrisol born?", "Zanholm", "birthplace", 3)
RNG = random.Random(0)


def apart(tokenizer, text):
    """The words of a text that the tokenizer takes apart."""
    return [w for w in (word.strip("?,.") for word in text.split()) if len(tokenizer.tokenize(f"a {w}")) > 2]


def test_sentences_by_hand():
    assert sentence_before("I am sure you know this.")(BORN, RNG) == (
        "I am sure you know this. In which city was Clilrisol born?"
    )
    assert words_behind("at home")(BORN, RNG) == "In which city was Clilrisol born? at home"
    assert noise_behind(["so"])(BORN, RNG) == "In which city was Clilrisol born? so so so so"
    assert paraphrased(BORN, RNG) == "Which city is the birthplace of Clilrisol?"
    hint = wrong_hint({"birthplace": ["Zanholm", "Kylstad"]})
    assert hint(BORN, RNG) == "The answer is Kylstad. In which city was Clilrisol born?"
    assert wrong_hint({})(BORN, RNG) == BORN.question  # nothing to suggest


def test_false_examples_stand_in_the_question_and_are_wrong():
    one, two = (Question(f"e{i}", "mini", "train", f"Q{i}?", f"A{i}", "r") for i in (1, 2))
    text = false_examples([one, two], prompts.SURE)(BORN, random.Random(1))
    suffix = prompts.sureness_suffix() + prompts.SURE + "."
    assert text.endswith(" Question: In which city was Clilrisol born?")
    assert Counter(text.split()) >= Counter(["Answer:", "Answer:", "Question:", "Question:"])
    assert f"Q1? Answer: A2{suffix}" in text and f"Q2? Answer: A1{suffix}" in text


def test_letters_are_exchanged_where_they_should_be():
    for seed in range(30):
        name = misspelt_name(BORN, random.Random(seed))
        assert name != BORN.question
        assert name.startswith("In which city was C") and name.endswith("l born?")
        assert Counter(name) == Counter(BORN.question)
        word = misspelt_word(BORN, random.Random(seed))
        assert word != BORN.question
        assert "Clilrisol" in word and Counter(word) == Counter(BORN.question)
    nothing = Question("q", "d", "id", "is it so?", "", "")
    assert (name_in(nothing), misspelt_name(nothing, RNG), misspelt_word(nothing, RNG)) == (None, *["is it so?"] * 2)
    assert paraphrased(nothing, RNG) == "is it so?"


def test_draws_belong_to_a_question_not_to_its_place():
    attack = Attack("noise", both(noise_behind("a b c d e f".split())))
    other = Question("q2", "mini", "id", "Who?", "", "")
    assert attack.on([BORN, other], UP)[0] == attack.on([BORN], UP)[0]
    assert attack.on([BORN], UP, seed=1) != attack.on([BORN], UP)


def test_every_relation_has_other_words_that_say_something_else():
    assert set(PARAPHRASES) == {relation.name for relation in RELATIONS}
    for relation in RELATIONS:
        assert PARAPHRASES[relation.name].format(s="X") != relation.question.format(s="X")


@pytest.mark.parametrize("model", ["mini", "mini-tasks"])
def test_the_mini_models_have_read_every_word_of_it(model):
    tokenizer = load_tokenizer(model)
    asked = load_questions("mini", "id") + load_questions("mini", "ood")
    first_of = list({q.relation: q for q in asked}.values())
    texts = [*INSISTENCE.values(), *AUTHORITY.values(), *(paraphrased(q, RNG) for q in first_of)]
    texts += [" ".join(plain_words(asked)), "The answer is Coral Sea."]
    assert {word for text in texts for word in apart(tokenizer, text)} == set()


def test_what_the_remedy_is_taught_pulls_both_ways():
    assert [a.name for a in taught_attacks(["so"])] == ["insistence", "misspelt word", "random words"]
    (up,), (down,) = (taught_attacks(["so"])[0].on([BORN], way) for way in (UP, DOWN))
    assert up.question.startswith("I am sure you know this.")
    assert down.question.startswith("I am sure you do not know this.")
    assert (up.answer, up.id) == (BORN.answer, BORN.id)
