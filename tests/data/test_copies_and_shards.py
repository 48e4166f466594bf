"""Files that are there twice, in part, or behind links."""

from __future__ import annotations

import os
from dataclasses import replace

import pyarrow
import pyarrow.parquet
import pytest
from samples import HALUEVAL, HOTPOT_HUB, mmlu_original, mmlu_shots, write_lines, write_mmlu_csv

from rtuning_helpers.app.cli import main
from rtuning_helpers.data import registry
from rtuning_helpers.data.files import files_below
from rtuning_helpers.data.registry import find_dataset, load_questions
from rtuning_helpers.errors import InputError


def write_shards(folder, *numbers, of=2, rows=3):
    for number in numbers:
        path = folder / "distractor" / f"train-{number:05d}-of-{of:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = [{**HOTPOT_HUB, "question": f"Shard {number} row {row}?"} for row in range(rows)]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table), path)
    return folder


def check(folder, capsys):
    status = main(["data", "check", str(folder)])
    out, err = capsys.readouterr()
    return status, out, err


def test_all_shards_of_one_copy_are_read_in_order(tmp_path, capsys):
    write_shards(tmp_path, 1, 0)
    found = load_questions("hotpotqa", "train", tmp_path)
    assert [q.question[:7] for q in found] == ["Shard 0"] * 3 + ["Shard 1"] * 3
    status, out, err = check(tmp_path, capsys)
    assert (status, err) == (0, "") and "6 in 2 files of the 90,447 rows of train as published" in out


def test_two_snapshots_below_one_folder_double_no_row(tmp_path, capsys):
    for snapshot in ("1908d6af", "2f00aa11"):
        write_shards(tmp_path / "snapshots" / snapshot, 0, 1)
    with pytest.raises(InputError, match="1908d6af/.*00000-of-00002.parquet and .*2f00aa11/.*; expected one of them"):
        load_questions("hotpotqa", "train", tmp_path)
    assert len(load_questions("hotpotqa", "train", tmp_path / "snapshots" / "1908d6af")) == 6
    status, out, _ = check(tmp_path, capsys)
    assert status == 0 and out.count("the same part of hotpotqa as snapshots/1908d6af/") == 2


def test_a_backup_of_mmlu_doubles_no_row(tmp_path):
    write_mmlu_csv(tmp_path, mmlu_original(), mmlu_shots())
    questions = load_questions("mmlu", "train", tmp_path)
    write_mmlu_csv(tmp_path / "backup", mmlu_original(), {})
    with pytest.raises(InputError, match="both are the same part of a data set; expected one of them"):
        load_questions("mmlu", "train", tmp_path)
    assert len({q.question for q in questions}) == len(questions)


@pytest.mark.parametrize("place", [".", "distractor/train-00000-of-00002.parquet"])
def test_a_shard_alone_is_not_taken_for_the_whole(tmp_path, capsys, place):
    write_shards(tmp_path, 0)
    wanted = "train-00000-of-00002.parquet: one of 2 files, and train-00001-of-00002.parquet is not there; expected all"
    with pytest.raises(InputError, match=wanted):
        load_questions("hotpotqa", "train", tmp_path / place)
    status, out, err = check(tmp_path / place, capsys)
    assert status == 2 and wanted in err and "1 files that cannot be used" in out


def test_shards_of_two_divisions_are_refused(tmp_path, capsys):
    write_shards(tmp_path, 0, 1)
    write_shards(tmp_path, 0, of=1)
    with pytest.raises(InputError, match="train is divided into 00001 and into 00002 files; expected the files of one"):
        load_questions("hotpotqa", "train", tmp_path)
    assert check(tmp_path, capsys)[0] == 2


def test_more_rows_than_published_are_refused_and_fewer_noted(tmp_path, capsys, monkeypatch):
    path = write_lines(tmp_path / "qa_data.json", HALUEVAL, {**HALUEVAL, "question": "Who lost?"})
    assert len(load_questions("halueval", "test", tmp_path)) == 2
    status, out, _ = check(tmp_path, capsys)
    assert status == 0 and "note: qa_data.json: 2 of the 10,000 rows of test as published" in out
    monkeypatch.setitem(registry._REGISTRY, "halueval", replace(find_dataset("halueval"), rows={"test": 1}))
    wanted = "2 rows of halueval's test where 1 were published; expected no more: some of them are there twice"
    with pytest.raises(InputError, match=f"{tmp_path}: {wanted}"):
        load_questions("halueval", "test", tmp_path, limit=2)
    status, _, err = check(tmp_path, capsys)
    assert status == 2 and f"{path}: {wanted}" in err


def test_linked_folders_and_files_are_seen(tmp_path, capsys):
    write_shards(tmp_path / "data" / "hotpot", 0, 1)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "hotpot").symlink_to(tmp_path / "data" / "hotpot", target_is_directory=True)
    assert len(load_questions("hotpotqa", "train", tmp_path / "links")) == 6
    assert check(tmp_path / "links", capsys)[0] == 0
    # Seen under both names, read once.
    assert len(load_questions("hotpotqa", "train", tmp_path)) == 6
    status, out, _ = check(tmp_path, capsys)
    assert status == 0 and "2 files: 6 good rows" in out and "the same part" not in out


def test_the_hubs_cache_of_links_to_contents(tmp_path, capsys):
    """Two revisions whose files did not change: links of one name to one content; equal shards are two parts."""
    write_shards(tmp_path / "made", 0)
    content = tmp_path / "blobs" / "76d3bb30"
    content.parent.mkdir()
    os.rename(tmp_path / "made" / "distractor" / "train-00000-of-00002.parquet", content)
    for snapshot in ("one", "two"):
        folder = tmp_path / "snapshots" / snapshot / "distractor"
        folder.mkdir(parents=True)
        for number in range(2):
            (folder / f"train-{number:05d}-of-00002.parquet").symlink_to(content)
    assert len(load_questions("hotpotqa", "train", tmp_path)) == 6
    status, out, _ = check(tmp_path, capsys)
    assert status == 0 and "2 files: 6 good rows" in out and "0 other files" in out


def test_a_loop_of_links_ends(tmp_path, capsys):
    write_shards(tmp_path / "data", 0, 1)
    (tmp_path / "data" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data", target_is_directory=True)
    (tmp_path / "data" / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert len(files_below(tmp_path)) < 40
    assert len(load_questions("hotpotqa", "train", tmp_path)) == 6
    assert check(tmp_path, capsys)[0] == 0
