"""How well known the things are that questions ask about: PopQA's page views, and the mini world's exposures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import POPQA, write_tsv

from rtuning_helpers.data.popularity import EXPOSURE, how_known, popularities
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError

BAD = {**POPQA, "s_pop": "many"}


def test_page_views_stand_beside_their_questions(tmp_path):
    write_tsv(tmp_path / "popQA.tsv", POPQA, BAD, {**POPQA, "question": " ", "s_pop": "9"}, {**POPQA, "s_pop": "7"})
    left_out = []
    asked = load_questions("popqa", "test", tmp_path, bad_rows=left_out)
    assert [q.id[-1] for q in asked] == ["0", "3"] and len(left_out) == 2
    assert popularities("popqa", "test", tmp_path) == {f"popqa-test-0000{n}": v for n, v in ((0, 142), (2, 9), (3, 7))}
    assert how_known(asked, tmp_path) == ([142, 7], "page views of the subject a month")
    assert how_known(asked[1:], tmp_path)[0] == [7]
    assert how_known([replace(asked[0], id="popqa-test-00001")], tmp_path) is None  # nobody counted it
    assert how_known([replace(asked[0], exposure=3)], tmp_path) == ([3], EXPOSURE)  # a model that has read it


def test_exposures_come_first_and_other_sets_count_nothing():
    asked = load_questions("mini", "id", limit=5)
    assert how_known(asked) == ([q.exposure for q in asked], EXPOSURE)
    assert popularities("mini", "id") == {} and how_known([replace(q, exposure=None) for q in asked]) is None
    assert how_known([]) is None
    with pytest.raises(InputError, match="questions are of mini id, popqa test; expected one data set and split"):
        how_known([replace(asked[0], exposure=None), replace(asked[1], exposure=None, dataset="popqa", split="test")])
