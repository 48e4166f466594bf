"""The datasets: sizes and honesty of the mini splits, and every way in which a file can be bad."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.data.world.world import build_world
from rtuning_helpers.errors import InputError

SPLITS = ("train", "id", "ood")

FILES = {"train": "training_data.json", "id": "ID_test_pararel.json", "ood": "OOD_test_pararel.json"}
GOOD = ["Where was Ana born?", "Łódź", "P19(place of birth)"]


# The mini world


@pytest.fixture(scope="module")
def mini():
    return {split: load_questions("mini", split) for split in SPLITS}


def test_mini_split_sizes_and_unique_ids(mini):
    assert {split: len(rows) for split, rows in mini.items()} == {"train": 1620, "id": 1620, "ood": 1080}
    everything = [question for rows in mini.values() for question in rows]
    assert len({question.id for question in everything}) == len(everything)
    assert len({question.question for question in everything}) == len(everything)
    assert all(question.split == split for split, rows in mini.items() for question in rows)
    assert all(question.question.strip() and question.answer.strip() for question in everything)


def test_mini_relations(mini):
    relations = {split: {question.relation for question in rows} for split, rows in mini.items()}
    assert relations["train"] == relations["id"]
    assert relations["id"].isdisjoint(relations["ood"])
    assert len(relations["id"] | relations["ood"]) >= 20


def test_no_subject_of_a_test_question_is_named_in_a_training_question(mini):
    facts = build_world().facts
    subjects = {group: {fact.subject for fact in facts if fact.group == group} for group in ("train", "test", "hub")}
    assert len(subjects["train"]) == len(subjects["test"]) == 540
    words = {split: set(re.findall(r"\w+", " ".join(q.question for q in rows))) for split, rows in mini.items()}
    assert words["train"] & subjects["test"] == set()
    assert (words["id"] | words["ood"]) & subjects["train"] == set()
    assert words["train"] >= subjects["train"] and words["id"] >= subjects["test"]
    assert not subjects["hub"] & (words["train"] | words["id"] | words["ood"])


@pytest.mark.parametrize("split", SPLITS)
def test_exposures_are_known_for_a_quarter_and_spread_widely(mini, split):
    exposures = [question.exposure for question in mini[split]]
    assert 0.23 < exposures.count(0) / len(exposures) < 0.29
    counts = Counter("0" if e == 0 else "1-6" if e < 7 else "7-30" if e < 31 else "31+" for e in exposures)
    assert min(counts.values()) > 0.1 * len(exposures) and len(counts) == 4
    assert max(exposures) > 160


def test_the_same_seed_gives_the_same_world():
    first = build_world(seed=1, entities_per_kind=16)
    build_world.cache_clear()
    assert build_world(seed=1, entities_per_kind=16) == first
    assert build_world(seed=2, entities_per_kind=16) != first


def test_limit_keeps_all_relations(mini):
    few = load_questions("mini", "id", limit=200)
    assert len(few) == 200
    assert set(few) < set(mini["id"])
    assert {q.relation for q in few} == {q.relation for q in mini["id"]}
    assert load_questions("mini", "id", limit=10**6) == mini["id"]
    assert len(load_questions("mini", "id", limit=2)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nini", "train"), "parameter dataset 'nini' is unknown: expected one of .*mini.*pararel"),
        (("mini", "test"), "data set mini has no split 'test': expected one of train, id, ood"),
        (("mini", "id", None, 1), "parameter limit 1 is too small: expected at least 2"),
        (("mini", "id", None, 0), "parameter limit 0 is too small"),
        (
            ("pararel", "id"),
            "parameter dataset pararel needs parameter data_dir: .*training_data.*OOD_test_pararel.json",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        load_questions(*arguments)


# Files from elsewhere


def write(folder, content, split="train"):
    path = folder / FILES[split]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("split", SPLITS)
def test_a_good_pararel_file(tmp_path, split):
    write(tmp_path, json.dumps([GOOD, [" b ", "c\n", "r"]], ensure_ascii=False), split)
    first, second = load_questions("pararel", split, tmp_path)
    assert (first.question, first.answer, first.relation, first.exposure) == (*GOOD, None)
    assert first.id != second.id and first.split == split and first.dataset == "pararel"
    assert second == replace(first, id=second.id, question=" b ", answer="c", relation="r")  # see the loader
    assert load_questions("pararel", split, str(tmp_path)) == [first, second]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path):
    write(tmp_path, b"\xef\xbb\xbf" + json.dumps([GOOD], indent=1).replace("\n", "\r\n").encode())
    assert load_questions("pararel", "train", tmp_path)[0].answer == "Łódź"


ROW = json.dumps(GOOD)
THREE = "expected .question, answer, relation.: three non-empty strings"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "not valid JSON at line 1, column 1 .*truncated", id="empty file"),
        pytest.param(f"[{ROW}, {ROW[:-9]}", "not valid JSON at line 1, .*truncated.*one complete JSON array", id="cut"),
        pytest.param(f"[{ROW}", "not valid JSON at line 1, .*truncated", id="cut between rows"),
        pytest.param(f"[{ROW}]\n[{ROW}]", "second JSON document starts at line 2, column 1", id="two documents"),
        pytest.param('{"rows": []}', "holds a JSON dict; expected a JSON array", id="object"),
        pytest.param("null", "holds a JSON NoneType; expected a JSON array", id="null"),
        pytest.param("[]", "the array is empty; expected at least one row", id="empty array"),
        pytest.param(b'[["\xe9t\xe9", "a", "r"]]', "cannot be read as UTF-8 .*position 3", id="latin-1"),
        pytest.param(json.dumps([GOOD]).encode("utf-16"), "cannot be read as UTF-8", id="utf-16"),
        pytest.param("[" * 100_000, "not usable JSON", id="thousands of brackets"),
        pytest.param(f'[{ROW}, ["q", "a"]]', rf'row 2 is \["q", "a"\]; {THREE}', id="two cells"),
        pytest.param(f'[{ROW}, ["q", "a", "r", "x"]]', f"row 2 is .*; {THREE}", id="four cells"),
        pytest.param(f'[{ROW}, {ROW}, ["q", 7, "r"]]', f"row 3 is .*; {THREE}", id="a number"),
        pytest.param(f'[{ROW}, ["q", null, "r"]]', f"row 2 is .*; {THREE}", id="null cell"),
        pytest.param('[{"question": "q"}]', f"row 1 is .*; {THREE}", id="object row"),
        pytest.param('["abc"]', f'row 1 is "abc"; {THREE}', id="a string of three letters"),
        pytest.param('[["", "a", "r"]]', f"row 1 is .*; {THREE}", id="empty question"),
        pytest.param(f'[{ROW}, ["q", " \\n", "r"]]', f"row 2 is .*; {THREE}", id="blank answer"),
        pytest.param('[["q", "a", ""]]', f"row 1 is .*; {THREE}", id="empty relation"),
    ],
)
def test_bad_pararel_files_are_named_in_one_line(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        load_questions("pararel", "train", tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="file not found") as caught:
            load_questions("pararel", "ood", folder)
        assert str(folder / FILES["ood"]) in str(caught.value)
    (tmp_path / FILES["id"]).mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_questions("pararel", "id", tmp_path)


def test_a_long_bad_row_is_shortened(tmp_path):
    write(tmp_path, json.dumps([["q" * 5000, "a"]]))
    with pytest.raises(InputError) as caught:
        load_questions("pararel", "train", tmp_path)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize(("split", "count"), [("train", 5575), ("id", 5584), ("ood", 13974)])
def test_the_papers_files(shared_data, split, count):
    folder = shared_data / "r-tuning" / "pararel"
    rows = load_questions("pararel", split, folder)
    assert len(rows) == count == len({row.id for row in rows})
    raw = json.loads((folder / FILES[split]).read_text(encoding="utf-8"))
    for i in (0, count // 2, count - 1):
        assert [rows[i].question, rows[i].answer, rows[i].relation] == raw[i]
    assert len(load_questions("pararel", split, folder, limit=50)) == 50
