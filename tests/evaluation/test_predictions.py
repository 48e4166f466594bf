"""Prediction files: what is written is read back, and every kind of bad file is named."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction, excerpt, read_predictions, write_predictions

ONE = Prediction(
    id="mini-id-0001",
    dataset="mini",
    split="id",
    question="Where was Ana born?",
    answer="Łódź",
    prediction=" Łódź\u2028or \x85 so",  # line separators that str.splitlines would cut at
    correct=True,
    answer_confidence=0.0,
    sure_confidence=1.0,
    refused=False,
    relation="birthplace",
    exposure=0,
)
OPTIONAL = ("relation", "exposure", "task", "answerable")
TWO = replace(ONE, id="mini-id-0002", prediction="", correct=False, answer_confidence=0.25, exposure=None)


def write_rows(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_mix_is_the_mean_of_both_confidences_and_needs_both():
    assert replace(ONE, answer_confidence=0.2, sure_confidence=0.5).mixed_confidence == pytest.approx(0.35)
    assert replace(ONE, answer_confidence=None).mixed_confidence is None
    assert replace(ONE, sure_confidence=None).mixed_confidence is None


def test_what_is_written_is_read_back(tmp_path):
    path = write_predictions(tmp_path / "new" / "folder" / "predictions.jsonl", [ONE, TWO])
    assert read_predictions(path) == [ONE, TWO]
    assert read_predictions(str(path)) == [ONE, TWO]


def test_the_file_is_readable_utf8_json_lines(tmp_path):
    data = write_predictions(tmp_path / "p.jsonl", [ONE, TWO]).read_bytes()
    assert data.endswith(b"}\n")
    assert b"\r" not in data
    assert "Łódź".encode() in data
    assert [json.loads(line) for line in data.decode().split("\n")[:-1]] == [asdict(ONE), asdict(TWO)]


texts = st.text(max_size=12)  # all of Unicode
confidences = st.floats(0, 1)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(texts, texts, st.booleans(), confidences, confidences, st.booleans()), min_size=1, max_size=5)
)
def test_any_text_and_confidence_survives(drawn):
    predictions = [Prediction(str(i), "d", "ood", "q", *cells) for i, cells in enumerate(drawn)]
    with TemporaryDirectory() as folder:
        assert read_predictions(write_predictions(Path(folder) / "p.jsonl", predictions)) == predictions


def test_half_a_surrogate_pair_survives(tmp_path):
    broken = replace(ONE, prediction="half an emoji: \ud83d")  # what a cut byte sequence can decode to
    assert read_predictions(write_predictions(tmp_path / "p.jsonl", [broken])) == [broken]


def test_null_columns_survive(tmp_path):
    bare = replace(ONE, answer_confidence=None, sure_confidence=None, refused=None)
    assert read_predictions(write_predictions(tmp_path / "p.jsonl", [bare])) == [bare]


def test_optional_fields_may_be_missing_and_unknown_ones_are_named(tmp_path):
    other = replace(ONE, task="claim", answerable=False)
    row = {name: value for name, value in asdict(other).items() if name not in OPTIONAL}
    plain = replace(ONE, relation="", exposure=None)  # an open question with an answer
    assert read_predictions(write_rows(tmp_path / "p.jsonl", row)) == [plain]
    assert read_predictions(write_predictions(tmp_path / "p.jsonl", [other])) == [other]
    with pytest.raises(InputError, match="row 2: has the unknown field 'entropy'; expected id, dataset, split"):
        read_predictions(write_rows(tmp_path / "p.jsonl", row, asdict(TWO) | {"entropy": 0.3}))


def test_whole_number_confidences_become_floats(tmp_path):
    (read,) = read_predictions(write_rows(tmp_path / "p.jsonl", asdict(ONE) | {"sure_confidence": 1}))
    assert isinstance(read.sure_confidence, float)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_line_endings_and_byte_order_mark_do_not_matter(tmp_path, ending):
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(asdict(ONE)).encode() + b"\r\n" + json.dumps(asdict(TWO)).encode())
    with path.open("ab") as file:
        file.write(ending.encode())
    assert read_predictions(path) == [ONE, TWO]


# --- writing is all or nothing ---


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = write_predictions(tmp_path / "p.jsonl", [ONE])
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_predictions(path, [TWO])
    assert read_predictions(path) == [ONE]
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_replaces_the_old_file(tmp_path):
    path = write_predictions(tmp_path / "p.jsonl", [ONE, TWO])
    write_predictions(path, [TWO])
    assert read_predictions(path) == [TWO]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ([], "no predictions to write"),
        ([ONE, replace(TWO, answer_confidence=math.nan)], r"prediction 2 \(id mini-id-0002\).*answer_confidence.* NaN"),
        ([replace(ONE, sure_confidence=1.5)], "sure_confidence.* 1.5; expected a number in"),
        ([replace(ONE, correct=np.True_)], "'correct' is .*True.*; expected true or false"),
        ([replace(ONE, answer_confidence=np.float32(0.5))], "'answer_confidence' is .*0.5"),
        ([ONE, ONE], "'mini-id-0001' stands in row 1 already"),
        ([ONE, replace(TWO, refused=None)], "'refused' is null but false in row 1"),
    ],
)
def test_predictions_that_could_not_be_read_back_are_not_written(tmp_path, predictions, message):
    with pytest.raises(ValueError, match=message):
        write_predictions(tmp_path / "p.jsonl", predictions)
    assert list(tmp_path.iterdir()) == []


# --- bad files ---


def fails(path, message):
    with pytest.raises(InputError, match=message) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("id", "", "a non-empty string"),
        ("id", 7, "a non-empty string"),
        ("dataset", None, "a non-empty string"),
        ("split", "  ", "a non-empty string"),
        ("question", None, "a string"),
        ("answer", ["me"], "a string"),
        ("prediction", 3, "a string"),
        ("correct", 1, "true or false"),
        ("correct", None, "true or false"),
        ("answer_confidence", math.nan, r"a number in \[0, 1\] or null"),
        ("answer_confidence", "0.5", r"a number in \[0, 1\] or null"),
        ("answer_confidence", True, r"a number in \[0, 1\] or null"),
        ("sure_confidence", 1.0000001, r"a number in \[0, 1\] or null"),
        ("sure_confidence", -0.1, r"a number in \[0, 1\] or null"),
        ("sure_confidence", math.inf, r"a number in \[0, 1\] or null"),
        ("refused", 0, "true, false or null"),
        ("relation", None, "a string"),
        ("exposure", -1, "a whole number of at least 0 or null"),
        ("exposure", 2.5, "a whole number"),
        ("exposure", True, "a whole number"),
        ("task", "essay", "one of open, choice, claim"),
        ("task", ["open"], "one of open, choice, claim"),
        ("answerable", None, "true or false"),
    ],
)
def test_a_bad_value_is_named_with_its_row(tmp_path, field, value, expected):
    path = write_rows(tmp_path / "p.jsonl", asdict(ONE), asdict(TWO) | {field: value})
    fails(path, f"row 2: field '{field}' is .*; expected {expected}")


@pytest.mark.parametrize("field", [name for name in asdict(ONE) if name not in OPTIONAL])
def test_a_missing_field_is_named_with_its_row(tmp_path, field):
    row = asdict(TWO)
    del row[field]
    fails(write_rows(tmp_path / "p.jsonl", asdict(ONE), row), f"row 2: lacks {field} in .*; expected the fields id, ")


@pytest.mark.parametrize("field", ["answer_confidence", "sure_confidence", "refused"])
def test_null_in_some_rows_only_is_named(tmp_path, field):
    path = write_rows(tmp_path / "p.jsonl", asdict(ONE), asdict(TWO) | {field: None})
    fails(path, f"row 2: field '{field}' is null but .* in row 1; expected null in all rows or in none")


def test_a_repeated_id_is_named(tmp_path):
    path = write_rows(tmp_path / "p.jsonl", asdict(ONE), asdict(TWO), asdict(TWO) | {"id": ONE.id})
    fails(path, "row 3: id 'mini-id-0001' stands in row 1 already")
    assert len(read_predictions(write_rows(path, asdict(ONE), asdict(ONE) | {"dataset": "other"}))) == 2


def test_a_truncated_last_line_is_named(tmp_path):
    path = write_predictions(tmp_path / "p.jsonl", [ONE, TWO])
    path.write_bytes(path.read_bytes()[:-20])
    fails(path, "row 2 of 2 is not valid JSON .*the file may be truncated")


def test_a_broken_line_in_the_middle_is_not_called_truncated(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(asdict(ONE)) + "\n\n" + json.dumps(asdict(TWO)) + "\n")
    fails(path, r"row 2 of 3 is not valid JSON \([^;]*\); expected one JSON object a line")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"[]", r"row 1 is \[\]; expected the JSON object of a prediction"),
        (b'"text"', "row 1 is .text.; expected the JSON object"),
        (b"{}{}", "row 1 of 1 is not valid JSON"),
        (b"\xff\xfe{}", "cannot be read as UTF-8"),
        (b"[" * 100_000, "row 1 of 1 is not valid JSON"),
        (b"1" * 5000, "row 1 of 1 is not valid JSON"),
    ],
)
def test_bad_content_is_named(tmp_path, content, message):
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    fails(path, message)


def test_what_is_no_file_is_named(tmp_path):
    fails(tmp_path, "is a folder; expected a file")
    fails(tmp_path / "absent.jsonl", "file not found")


def test_excerpts_are_short_single_lines():
    assert excerpt("a\nb") == '"a\\nb"'
    assert excerpt(math.nan) == "NaN"
    assert len(excerpt(["x" * 50] * 50)) == 80
