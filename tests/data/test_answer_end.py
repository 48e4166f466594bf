"""Where an answer ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtuning_helpers.data import prompts
from rtuning_helpers.data.answer_end import answer_end, cut_answer, line_end


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" Paris.", "Paris"),
        (" Paris. It is", "Paris"),
        (" Paris.It", "Paris"),
        (" Paris\nQuestion", "Paris"),
        (" 3.5 million. More", "3.5 million"),
        (" in 1984. Then", "in 1984"),
        (" 1984.Then", "1984"),
        (" .5", ".5"),
        (" .NET. It", ".NET"),
        (" St. Petersburg. It", "St. Petersburg"),
        (" Samuel L. Jackson", "Samuel L. Jackson"),
        (" J. K. Rowling.\n", "J. K. Rowling"),
        (" the U.S. Navy.", "the U.S. Navy"),
        (" F.E.A.R.", "F.E.A.R"),
        (" www.usps.com.", "www.usps.com"),
        (" Homer. Mr. Burns", "Homer"),
        (" Vitamin C.", "Vitamin C"),
        (" Vitamin C.\nIt", "Vitamin C"),
        (f" Vitamin C{prompts.sureness_suffix()}", "Vitamin C"),
        (f" D.C{prompts.sureness_suffix()[:9]}", "D.C"),
        (" L. Aretha", "L. Aretha"),
        (" Malcolm X. He was shot", "Malcolm X"),
        (" Malcolm X. He's", "Malcolm X"),
        (" Malcolm X. In 1965, he", "Malcolm X"),
        (" Malcolm X. Henry", "Malcolm X. Henry"),
        (" Lillian H. Hellman. She", "Lillian H. Hellman"),
        (" the U.S. The capital", "the U.S"),
        (" the U.S. in 1984.", "the U.S. in 1984"),
        (" Apple Inc. It makes", "Apple Inc"),
        (" J. I. Packer.", "J. I. Packer"),
        (" Mr. T", "Mr. T"),
        (" Dr. No.", "Dr. No"),
        (" Dr. Who.", "Dr. Who"),
        ("北京。它是首都", "北京"),
        (" 東京！", "東京"),
        ("東京？いいえ", "東京"),
        ("東京｡", "東京"),
        (" Jeopardy! is a show.", "Jeopardy! is a show"),
        (" Paris...", "Paris"),
        ("\n\n Paris.\n", "Paris"),
        ("\nParis\nRome", "Paris"),
        ("\r\n\n.5.", ".5"),
        ("\n \n", ""),
        ("...", ""),
        ("", ""),
    ],
)
def test_the_end_of_an_answer(text, answer):
    assert cut_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "end", "undecided"),
    [
        ("Paris.", 5, False),
        ("Paris", 5, True),
        ("\n\n", 2, True),  # an answer may still come
        ("\n\nParis\n", 7, False),
        ("3.", 1, True),
        ("3. ", 1, False),
        ("L.", 1, True),
        ("L. ", 1, True),
        ("L. A", 1, True),  # it may be the sureness question
        ("L. Are you", 1, True),
        ("L. Are you sure", 1, False),
        ("L. Art", 6, True),
        ("X. H", 1, True),
        ("X. He", 1, True),
        ("X. He ", 1, False),
        ("X. Hel", 6, True),
        ("X. I", 1, True),
        ("X. I.", 4, True),
        ("東京", 2, True),
        ("東京。", 2, False),
        ("St.", 2, True),
        ("St. P", 5, True),
    ],
)
def test_what_has_to_be_read_on(text, end, undecided):
    assert answer_end(text, complete=False) == (end, undecided)


@given(st.text("aB1.。 \nHe"), st.text("aB1.。 \nHe"))
def test_what_is_decided_stays_decided(text, more):
    end, undecided = answer_end(text, complete=False)
    if not undecided:
        assert answer_end(text + more, complete=False) == (end, False) == answer_end(text + more)
    assert answer_end(text)[1] is False


def test_a_reply_ends_at_a_line_break_only():
    assert line_end("0.85. Yes\nNo") == (9, False)
    assert line_end("\n\n0.85\nNo") == (6, False)
    assert line_end("0.85") == (4, False)
    assert line_end("0.85", complete=False) == (4, True)
