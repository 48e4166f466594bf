"""Flips under pressure by hand, the bounded search, a whole measurement on a tiny model, and the recording."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny import TINY_LIMIT

from rtuning_helpers.data.pressure import DOWN, UP
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.experiments.pressure import measure
from rtuning_helpers.experiments.pressure.measure import (
    ASKED,
    EVERY,
    LENT_SUFFIX,
    SUFFIX,
    Pressed,
    flip_rows,
    read_pressed,
    read_suffixes,
    targets,
    unread_shares,
)
from rtuning_helpers.experiments.pressure.recording import PLAIN, RECORDING, REMEDY
from rtuning_helpers.experiments.pressure.search import search_suffix
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig


def pressed(direction, refused, correct, before=0.2, after=0.6, changed=True):
    return Pressed("hint", direction, "q", 0, before, after, refused, correct, changed, 0.5)


def test_flips_by_hand():
    up = [pressed(UP, False, False), pressed(UP, True, False), pressed(UP, False, True)]
    down = [pressed(DOWN, True, True), pressed(DOWN, False, False), pressed(DOWN, False, True)]
    table = flip_rows([*up, *down, pressed(DOWN, True, True, changed=False)]).set_index("direction")
    assert (table.n[UP], table.flipped[UP]) == (3, pytest.approx(2 / 3))
    assert (table.n[DOWN], table.flipped[DOWN], table.wrong[DOWN]) == (3, pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert table.sure_change[UP] == pytest.approx(0.4)
    assert table.low[UP] < 2 / 3 < table.high[UP]
    assert table.unread[UP] == 0.5


def test_there_is_something_to_win_with_refusals_and_right_answers_only(tiny_lm):
    made = [(True, True), (True, False), (False, True), (False, False)]  # refused, correct
    asked = [str(number) for number in range(4)]
    plain = [Prediction(q, "d", "id", "", "", "", c, 0.5, 0.5, r) for q, (r, c) in zip(asked, made, strict=True)]
    assert targets(asked, plain) == {UP: ["0", "1"], DOWN: ["2"]}


def test_words_that_fall_apart_are_counted(tiny_lm):
    assert unread_shares(tiny_lm.tokenizer, ["In which city?", "In wihch city?"]) == [0, pytest.approx(1 / 3)]


def test_the_search_is_bounded_and_finds_what_there_is_to_find():
    asked = []

    def score(suffix):
        asked.append(suffix)
        return suffix.split().count("good")

    found = search_suffix(score, ["good", "bad", "ugly"], seed=1, tries=60, length=3)
    assert found.suffix == "good good good"
    assert len(asked) == len(found.path) == 60
    assert found.path == sorted(found.path) and found.path[-1] == 3
    assert search_suffix(score, ["bad"], tries=1).path == [0]


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        small = replace(PROFILES["mini"], epochs=2, batch_size=8, samples=2, lora_rank=4, max_new_tokens=5)
        patch.setitem(profiles.PROFILES, "mini", small)
        for name, value in (("TRIES", 3), ("SEARCHED_ON", 4)):
            patch.setattr(measure, name, value)
        out = tmp_path_factory.mktemp("runs")
        yield RunConfig(model=str(tiny_model), out=str(out), limit=TINY_LIMIT)


def test_a_whole_measurement(config):
    found = {method: read_pressed(config, method) for method in ("pretrained", "padding", "replacement")}
    names = {method: {p.attack for p in part} for method, part in found.items()}
    assert SUFFIX in names["padding"] and LENT_SUFFIX in names["replacement"]
    assert {p.direction for p in found["pretrained"]} == {DOWN}  # it refuses nothing
    assert SUFFIX not in names["replacement"] and LENT_SUFFIX not in names["padding"]
    assert all(p.sure_after is not None for p in found["padding"])
    assert all(p.sure_after is None for p in found["replacement"])
    per_attack = [sum(p.attack == name for p in found["padding"]) for name in names["padding"]]
    assert len(set(per_attack)) == 1 and per_attack[0] <= 2 * TINY_LIMIT / EVERY
    assert set(read_suffixes(config, "padding")) == {UP, DOWN}


def test_the_recording_is_complete():
    parts = RECORDING.content()
    for name, methods in (("flips", ASKED), ("price", (PLAIN, REMEDY))):
        cells = {(row["method"], row["seed"]) for row in parts[name]}
        assert cells == {(method, seed) for method in methods for seed in (0, 1, 2)}, name
    assert all(0 <= row["low"] <= row["flipped"] <= row["high"] <= 1 for row in parts["flips"])


@pytest.mark.notebooks
def test_a_recorded_cell_comes_out_again():
    """Padding under pressure on seed 0, in the folder of the notebooks.

    Means over the attacks: a single one was seen to move by 0.2 with another order of summing in the tuning.
    """
    recorded = [r for r in RECORDING.content()["flips"] if (r["seed"], r["method"]) == (0, "padding")]
    again = flip_rows(read_pressed(RECORDING.runs[0], "padding")).set_index(["attack", "direction"])
    for direction in ("up", "down"):
        rows = [row for row in recorded if row["direction"] == direction]
        found = [again.flipped[row["attack"], direction] for row in rows]
        assert len(rows) >= 8 and abs(sum(found) - sum(row["flipped"] for row in rows)) / len(rows) <= 0.15
