"""When a generated answer counts as right."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtuning_helpers.matching import RULES, matches, normalised_words


@pytest.mark.parametrize(
    ("prediction", "answer", "words", "substring"),
    [
        ("Paris", "Paris", True, True),
        ("It is Paris, France", "Paris", True, True),
        ("Stuttgart", "art", False, True),  # a part of a longer word
        ("paris", "Paris", True, False),  # case
        ("New  York", "New York", True, False),  # two spaces
        ("New York", "York", True, True),
        ("York New", "New York", False, False),  # order
        ("New big York", "New York", False, False),  # not one after the other
        ("new New York", "New York", True, True),  # a false start
        ("New", "New York", False, False),
        ("the U.S. Navy", "U.S. Navy", True, True),
        ("the US Navy", "U.S. Navy", False, False),
        ("O'Brien", "O’Brien", True, False),  # apostrophes
        ("São Paulo", "Sao Paulo", False, False),  # accents are letters
        (unicodedata.normalize("NFD", "São Paulo"), unicodedata.normalize("NFC", "São Paulo"), True, False),
        ("STRASSE", "Straße", True, False),
        ("ﬁsh", "fish", True, False),  # a ligature
        ("東京 です", "東京", True, True),
        ("1984", "198", False, True),
        ("1,984", "1984", False, False),
        ("", "Paris", False, False),
        ("a + b", "+", True, True),  # symbols only
        ("a - b", "+", False, False),
        ("++", "C++", False, False),
    ],
)
def test_both_rules(prediction, answer, words, substring):
    assert matches(prediction, answer) is words
    assert matches(prediction, answer, "substring") is substring


def test_a_gold_answer_without_content_is_in_every_prediction():
    # The loaders refuse such answers; here it is only shown that neither rule stumbles.
    for rule in RULES:
        assert matches("anything", "", rule) and matches("", "", rule)


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match="'exact'.*words, substring"):
        matches("a", "a", "exact")


@given(before=st.lists(st.text()), gold=st.text(), after=st.lists(st.text()))
def test_a_prediction_that_contains_the_gold_words_matches(before, gold, after):
    prediction = " , ".join([*before, gold.strip(), *after])
    assert matches(prediction, gold)
    assert matches(" ".join(normalised_words(gold)), gold) or not normalised_words(gold)


@given(prediction=st.text("abAB .-"), answer=st.text("abAB .-"))
def test_the_words_rule_is_blind_to_case_and_punctuation_and_never_cuts_words(prediction, answer):
    found = matches(prediction, answer)
    if normalised_words(answer):
        assert found == matches(prediction.upper().replace(".", " ; "), answer.lower().replace("-", " "))
        assert found == (f" {' '.join(normalised_words(answer))} " in f" {' '.join(normalised_words(prediction))} ")
