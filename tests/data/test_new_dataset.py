"""A data set is added by one file: the recipe of CONTRIBUTING.md, followed for every simple layout."""

from __future__ import annotations

import json
import sys

import pyarrow
import pyarrow.parquet
import pytest
from samples import write_csv, write_json, write_lines

from rtuning_helpers.app.cli import main
from rtuning_helpers.data import datasets, registry
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, dataset_names, find_dataset, load_questions, register
from rtuning_helpers.errors import InputError

DECLARATION = '''
"""Capitals: which city is a country's capital? Source: example.org/capitals. Licence: CC0."""

from rtuning_helpers.data.files import a_file_each
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import columns

register(
    Dataset(
        name="tested-capitals",
        source="example.org/capitals",
        licence="CC0",
        rows={"train": 3, "id": None},
        kinds=a_file_each({"train": "capitals_train.ENDING", "id": "capitals_test.ENDING"}, columns(COLUMNS)),
    )
)
'''
NAMED = 'question="asked", answer="capital", relation="continent"'
ROWS = [
    {"asked": "What is the capital of Norway?", "capital": " Oslo", "continent": "Europe"},
    {"asked": "What is the capital of Peru?", "capital": "Lima", "continent": "America"},
    {"asked": "What is the capital of Mali?", "capital": "Bamako", "continent": "Africa"},
]


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Puts a declaration beside the kit's own, as a file of the package would be."""
    monkeypatch.setattr(registry, "_REGISTRY", {name: find_dataset(name) for name in dataset_names()})
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path / "added")])
    (tmp_path / "added").mkdir()

    def write(ending="csv", columns=NAMED):
        text = DECLARATION.lstrip().replace("ENDING", ending).replace("COLUMNS", columns)
        (tmp_path / "added" / "tested_capitals.py").write_text(text, encoding="utf-8")
        assert len(text.splitlines()) < 30

    yield write
    sys.modules.pop(f"{datasets.__name__}.tested_capitals", None)


def write_parquet(path, rows):
    path.parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


LAYOUTS = {
    "csv": ("csv", NAMED, lambda path, rows: write_csv(path, list(rows[0]), *(list(row.values()) for row in rows))),
    "array of objects": ("json", NAMED, write_json),
    "array of lists": ("json", "0, 1, 2", lambda path, rows: write_json(path, [list(row.values()) for row in rows])),
    "lines": ("jsonl", NAMED, lambda path, rows: write_lines(path, *rows)),
    "parquet": ("parquet", NAMED, write_parquet),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_declaration_is_all_it_takes(declare, tmp_path, capsys, layout):
    ending, columns, write = LAYOUTS[layout]
    declare(ending, columns)
    folder = tmp_path / "files"
    write(folder / f"capitals_train.{ending}", ROWS)
    write(folder / f"capitals_test.{ending}", ROWS[:1])
    assert "tested-capitals" in dataset_names()
    assert load_questions("tested-capitals", "train", folder)[0] == Question(
        "tested-capitals-train-00000", "tested-capitals", "train", "What is the capital of Norway?", "Oslo", "Europe"
    )
    assert [len(load_questions("tested-capitals", split, folder)) for split in ("train", "id")] == [3, 1]
    assert main(["data", "check", str(folder)]) == 0
    assert "2 files: 4 good rows, 0 bad, 0 files that cannot be used; 0 other files" in capsys.readouterr().out
    assert main(["data", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert any(line.split()[:3] == ["tested-capitals", "train", "3"] and "needs --data-dir" in line for line in listed)
    assert main(["run", "--dataset", "tested-capitals"]) == 2
    wanted = (
        f"--dataset tested-capitals needs --data-dir: a folder with capitals_train.{ending}, capitals_test.{ending}"
    )
    assert wanted in capsys.readouterr().err


def test_two_columns_are_enough_and_further_golds_are_aliases(declare, tmp_path):
    declare("jsonl", "")
    write_lines(tmp_path / "capitals_test.jsonl", {"question": "Who?", "answer": ["Ana", " Anna ", " "], "more": 1})
    (found,) = load_questions("tested-capitals", "id", tmp_path)
    assert (found.answer, found.aliases, found.relation) == ("Ana", ("Anna",), "tested-capitals")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Who?"}, "line 2 has no answer: .*; expected an object with question, answer"),
        ({"question": "Who?", "answer": " "}, 'line 2 has answer " "; expected a non-empty string'),
        ({"question": "Who?", "answer": []}, "line 2 has empty answer"),
        ({"question": "Who?", "answer": 3}, "line 2 has answer 3; expected a non-empty string"),
        (["Who?", "Ana"], "line 2 has no question, answer"),
        ("Who?", "line 2 is "),
    ],
)
def test_bad_rows_of_a_simple_set(declare, tmp_path, row, message):
    declare("jsonl", "")
    write_lines(tmp_path / "capitals_test.jsonl", {"question": "Who?", "answer": "Ana"}, json.dumps(row))
    with pytest.raises(InputError, match=message) as caught:
        load_questions("tested-capitals", "id", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_csv_row_with_a_cell_too_many(declare, tmp_path):
    declare("csv", "")
    write_csv(tmp_path / "capitals_test.csv", ["question", "answer"], ["Who?", "Ana"], ["Who, now?", "Ana", "x"])
    with pytest.raises(InputError, match="row 2 is .*; expected 2 cells: question,answer"):
        load_questions("tested-capitals", "id", tmp_path)


def test_a_name_is_declared_once(declare):
    with pytest.raises(InputError, match="data set nec is declared twice"):
        register(Dataset(name="nec", source="", licence="", rows={"test": None}))
