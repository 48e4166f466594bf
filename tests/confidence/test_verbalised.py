"""Percentages and words as models write them; what cannot be read is NaN and never 0."""

from __future__ import annotations

import math

import pytest

from rtuning_helpers.confidence.verbalised import parse_percentage, parse_words
from rtuning_helpers.data import prompts


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("80", 0.8),
        (" 80 %", 0.8),
        ("about 95 percent, I think", 0.95),
        ("0.8", 0.8),
        ("0,75", 0.75),
        ("100%", 1.0),
        ("0", 0.0),
        ("1", 0.01),
        ("0.5%", 0.005),
        ("150, or rather 70", 0.7),
        ("in 1984 I would have said 60", 0.6),
        (".8", 0.8),
        ("0.85.", 0.85),
        ("1e-3", 0.001),
        ("9/10", 0.9),
        ("8 out of 10", 0.8),
        ("8 out of ten", 0.8),
        ("3 in a hundred", 0.03),
        ("7 on a scale of 10", 0.7),
        ("7 on a scale of 1 to 10", 0.7),
        ("7 on a scale from 0-10", 0.7),
        ("50/50", 0.5),
        ("In 1998, 70%", 0.7),
        ("1,000, no, 50", 0.5),
        ("24/7, so 60", 0.6),
    ],
)
def test_percentages(text, share):
    assert parse_percentage(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text", ["", "high", "-5", "\u22125", "1984", "v2", "999", "10/2", "0 of 0", "1,000", "3/4/2020", "7 out of many"]
)
def test_no_percentage_is_nan(text):
    assert math.isnan(parse_percentage(text))


@pytest.mark.parametrize(
    ("text", "share"),
    [("Likely.", 0.7), ("very likely", 0.8), ("It is highly unlikely!", 0.05), ("ALMOST  CERTAIN", 0.95)],
)
def test_words(text, share):
    assert parse_words(text) == share


@pytest.mark.parametrize("text", ["", "I am", "unlikelyhood", "certain almost"])
def test_unknown_words_are_nan(text):
    assert math.isnan(parse_words(text))


def test_every_phrase_is_read_as_itself():
    for phrase, share in prompts.CONFIDENCE_WORDS.items():
        assert parse_words(f"It is {phrase}.") == share
