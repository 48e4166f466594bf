"""MMLU: the authors' split rebuilt from the original, its shots, and its ways of being bad."""

from __future__ import annotations

import csv
import json

import pyarrow
import pyarrow.parquet
import pytest
from samples import mmlu_original, mmlu_rows, mmlu_shots, write_csv, write_json, write_mmlu_authors, write_mmlu_csv

from rtuning_helpers.data.datasets.mmlu_rows import ID_SUBJECTS, OOD_SUBJECTS
from rtuning_helpers.data.prompts import task_prompt
from rtuning_helpers.data.questions import CHOICE
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError

SPLITS = ("train", "id", "ood")


def write_parquet(folder, tests, shots):
    for part, subjects in (("test", tests), ("dev", shots)):
        rows = [
            {"question": row[0], "subject": s, "choices": row[1:5], "answer": "ABCD".index(row[5])}
            for s, own in subjects.items()
            for row in own
        ]
        path = folder / "all" / f"{part}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return folder


def as_rows(questions):
    return [[q.question, *q.options, q.answer] for q in questions]


def test_there_are_28_and_29_subjects_cut_in_alphabetical_order():
    assert (len(ID_SUBJECTS), len(OOD_SUBJECTS)) == (28, 29)
    assert [*ID_SUBJECTS, *OOD_SUBJECTS] == sorted({*ID_SUBJECTS, *OOD_SUBJECTS})


def test_the_front_half_is_tested_the_back_half_trained_and_order_kept(tmp_path):
    original = mmlu_original({"anatomy": 5, "astronomy": 4, "college_physics": 1})
    write_mmlu_csv(tmp_path, original, mmlu_shots())
    asked = {
        split: {
            subject: [q.question for q in load_questions("mmlu", split, tmp_path) if q.relation == subject]
            for subject in ("anatomy", "astronomy", "college_physics", "sociology")
        }
        for split in SPLITS
    }
    assert asked["id"]["anatomy"] == ["anatomy test 0?", "anatomy test 1?"]
    assert asked["train"]["anatomy"] == ["anatomy test 2?", "anatomy test 3?", "anatomy test 4?"]
    assert asked["id"]["astronomy"] == ["astronomy test 0?", "astronomy test 1?"]
    assert asked["train"]["astronomy"] == ["astronomy test 2?", "astronomy test 3?"]
    assert (asked["id"]["college_physics"], asked["train"]["college_physics"]) == ([], ["college_physics test 0?"])
    assert asked["ood"]["anatomy"] == asked["id"]["sociology"] == asked["train"]["sociology"] == []
    assert asked["ood"]["sociology"] == [row[0] for row in original["sociology"]]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("layout", ["csv", "csv with header", "parquet"])
def test_every_layout_gives_the_same_questions(tmp_path, split, layout):
    original, shots = mmlu_original(), mmlu_shots()
    authors = write_mmlu_authors(tmp_path / "MMLU", original, shots)
    if layout == "parquet":
        other = write_parquet(tmp_path / "other", original, shots)
    else:
        other = write_mmlu_csv(tmp_path / "other", original, shots, header="header" in layout)
    questions = load_questions("mmlu", split, authors)
    assert load_questions("mmlu", split, other) == questions
    first = questions[0]
    assert (first.task, first.options[0], first.relation) == (CHOICE, "NaN", first.question.split(" test ")[0])
    assert len({q.id for q in questions}) == len(questions) and first.id == f"mmlu-{split}-00000"
    assert [shot.question for shot in first.shots] == [row[0] for row in shots[first.relation]]
    assert all(shot.relation == q.relation and shot.task == CHOICE for q in questions for shot in q.shots)
    assert task_prompt(first).count("Answer:") == 6


def test_a_skipped_row_moves_no_other_row_to_the_other_split(tmp_path):
    original = mmlu_original({"anatomy": 6})
    original["anatomy"][0][5] = "E"
    original["anatomy"][4] = ["too short"]
    write_mmlu_csv(tmp_path, original, mmlu_shots())
    for split, expected in (("id", [1, 2]), ("train", [3, 5])):
        bad = []
        found = [q for q in load_questions("mmlu", split, tmp_path, bad_rows=bad) if q.relation == "anatomy"]
        assert [q.question for q in found] == [f"anatomy test {i}?" for i in expected]
        assert len(bad) == 1 and "anatomy_test.csv: row" in str(bad[0])


def test_rows_cut_in_the_middle_of_a_subject_are_bad_rows(tmp_path):
    original = mmlu_original({"anatomy": 4})
    folder = write_mmlu_csv(tmp_path, original, mmlu_shots(), header=True)
    path = folder / "test" / "anatomy_test.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("anatomy test 1?,", "anatomy test 1?;"), encoding="utf-8")
    with pytest.raises(InputError, match=r"anatomy_test.csv: row 2 is .*; expected the cells id,lang,question"):
        load_questions("mmlu", "id", tmp_path)
    assert load_questions("mmlu", "train", tmp_path)  # the other half is good


GOOD = ["q?", "a", "b", "c", "d", "B"]
SIX = "expected .question, A, B, C, D, letter.: six non-empty strings"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (GOOD[:5], SIX),
        ([*GOOD, "x"], SIX),
        ("abcdef", SIX),
        (["", *GOOD[1:]], SIX),
        (["q?", "a", " ", "c", "d", "B"], SIX),
        (["q?", "a", None, "c", "d", "B"], SIX),
        ([*GOOD[:5], "E"], f'gold "E"; {SIX}'),
        ([*GOOD[:5], "b"], SIX),
        ([*GOOD[:5], 1], SIX),
        ([*GOOD[:5], ["A", "B"]], r"several golds, \[\"A\", \"B\"\]; expected one letter"),
        ([*GOOD[:5], "A, B"], r"several golds, \"A, B\"; expected one letter"),
    ],
)
def test_bad_rows_of_the_authors_files(tmp_path, row, message):
    write_mmlu_authors(tmp_path, mmlu_original(), mmlu_shots())
    path = write_json(tmp_path / "MMLU_ID_train.json", {"anatomy": [GOOD, row, GOOD]})
    with pytest.raises(InputError, match=message) as caught:
        load_questions("mmlu", "train", tmp_path)
    assert str(caught.value).startswith(f"{path}: subject 'anatomy' row 2 ") and "\n" not in str(caught.value)
    bad = []
    assert [q.id for q in load_questions("mmlu", "train", tmp_path, bad_rows=bad)] == [
        "mmlu-train-00000",
        "mmlu-train-00002",
    ]
    assert [str(error) for error in bad] == [str(caught.value)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "holds a JSON list; expected one JSON object, subject -> list"),
        ("{}", "the object is empty"),
        ('{"anatomy": 3}', 'subject "anatomy" is 3; expected'),
        ('{"anatomy": []}', 'subject "anatomy" is '),
        ('{"anatomy": [', "not one valid JSON document .*truncated"),
        ('{"anatomy": []}\n{"anatomy": []}', "a second JSON document follows"),
        (json.dumps({"alchemy": [GOOD]}), 'unknown subject "alchemy"; expected one of MMLU\'s 57'),
        (json.dumps({"sociology": [GOOD]}), "'sociology' is none of the split 'train'"),
    ],
)
def test_bad_authors_files(tmp_path, content, message):
    write_mmlu_authors(tmp_path, mmlu_original(), mmlu_shots())
    (tmp_path / "MMLU_ID_train.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_questions("mmlu", "train", tmp_path)


@pytest.mark.parametrize("count", [0, 4, 6])
@pytest.mark.parametrize("layout", ["authors", "original"])
def test_a_subject_without_its_five_shots(tmp_path, layout, count):
    shots = mmlu_shots()
    shots["anatomy"] = mmlu_rows("anatomy", count, "dev")
    if not count:
        del shots["anatomy"]
    if layout == "authors":
        write_mmlu_authors(tmp_path, mmlu_original(), {**shots, "anatomy": shots.get("anatomy", [])})
        prompts = json.loads((tmp_path / "MMLU_ID_prompt.json").read_text())
        if not count:
            del prompts["anatomy"]
            write_json(tmp_path / "MMLU_ID_prompt.json", prompts)
    else:
        write_mmlu_csv(tmp_path, mmlu_original(), shots)
    wanted = f"subject 'anatomy' has {count or 'no'} shots; expected "
    with pytest.raises(InputError, match=wanted):
        load_questions("mmlu", "id", tmp_path)
    if layout == "authors":
        assert load_questions("mmlu", "ood", tmp_path)  # has its own file


def test_missing_files(tmp_path):
    write_mmlu_authors(tmp_path / "a", mmlu_original(), mmlu_shots())
    (tmp_path / "a" / "MMLU_OOD_prompt.json").unlink()
    with pytest.raises(InputError, match="a: no MMLU_OOD_prompt.json; expected the 5 shots"):
        load_questions("mmlu", "ood", tmp_path / "a")
    write_csv(tmp_path / "b" / "anatomy_test.csv", GOOD)
    with pytest.raises(InputError, match="no <subject>_test.csv for 27 of 28 subjects .abstract_algebra"):
        load_questions("mmlu", "id", tmp_path / "b")
    with pytest.raises(InputError, match="no file of mmlu's split 'ood'; expected MMLU_OOD_test.json .authors layout"):
        load_questions("mmlu", "ood", tmp_path / "b")


def test_bad_hub_rows(tmp_path):
    write_parquet(tmp_path, mmlu_original({"anatomy": 2}), mmlu_shots())
    path = tmp_path / "all" / "test-00000-of-00001.parquet"
    rows = pyarrow.parquet.read_table(path).to_pylist()
    place = next(i for i, row in enumerate(rows) if row["subject"] == "anatomy")
    rows[place]["answer"] = 4
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    with pytest.raises(InputError, match=f"row {place + 1} is .*, gold 4; {SIX}"):
        load_questions("mmlu", "id", tmp_path)
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match="cannot be read .*; expected a parquet file"):
        load_questions("mmlu", "id", tmp_path)


# The authors' real files


@pytest.mark.parametrize(("split", "count"), [("train", 2448), ("id", 2439), ("ood", 9155)])
def test_the_papers_files(shared_data, split, count):
    questions = load_questions("mmlu", split, shared_data / "r-tuning" / "MMLU")
    assert len(questions) == count == len({q.id for q in questions})
    assert all(len(q.shots) == 5 and len(q.options) == 4 for q in questions)
    assert len({q.relation for q in questions}) == (29 if split == "ood" else 28)


def test_the_split_rebuilt_from_five_original_subjects_is_the_authors(shared_data, tmp_path):
    authors = json.loads((shared_data / "r-tuning" / "MMLU" / "MMLU_OOD_test.json").read_text(encoding="utf-8"))
    prompts = json.loads((shared_data / "r-tuning" / "MMLU" / "MMLU_OOD_prompt.json").read_text(encoding="utf-8"))
    write_mmlu_csv(tmp_path, {s: authors[s] for s in OOD_SUBJECTS}, prompts)
    originals = sorted((shared_data / "mmlu-csv").glob("*_test.csv"))
    assert len(originals) == 5
    for path in originals:
        (tmp_path / "test" / path.name).write_bytes(path.read_bytes())
    rebuilt = load_questions("mmlu", "ood", tmp_path)
    assert rebuilt == load_questions("mmlu", "ood", shared_data / "r-tuning" / "MMLU")
    for path in originals:
        subject = path.stem.removesuffix("_test")
        assert as_rows(q for q in rebuilt if q.relation == subject) == authors[subject]


def test_originals_put_together_from_the_authors_halves_give_their_files_again(shared_data, tmp_path):
    folder = shared_data / "r-tuning" / "MMLU"
    raw = {
        name: json.loads((folder / f"MMLU_{name}.json").read_text(encoding="utf-8"))
        for name in ("ID_train", "ID_test", "OOD_test", "ID_prompt", "OOD_prompt")
    }
    original = {s: raw["ID_test"][s] + raw["ID_train"][s] for s in ID_SUBJECTS} | raw["OOD_test"]
    changed = 0
    for rows in original.values():
        for row in rows:
            changed += row.count("NaN")
            row[:] = ["None" if cell == "NaN" else cell for cell in row]
    assert changed == 10
    write_mmlu_csv(tmp_path / "csv", original, raw["ID_prompt"] | raw["OOD_prompt"])
    with (tmp_path / "csv" / "test" / "college_physics_test.csv").open(newline="", encoding="utf-8") as file:
        assert any("None" in row for row in csv.reader(file))
    write_parquet(tmp_path / "hub", original, raw["ID_prompt"] | raw["OOD_prompt"])
    for split in SPLITS:
        theirs = load_questions("mmlu", split, folder)
        assert load_questions("mmlu", split, tmp_path / "csv") == theirs
        assert load_questions("mmlu", split, tmp_path / "hub") == theirs
