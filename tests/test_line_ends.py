"""Characters that other rules take for line ends go through every file of a run and come back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rtuning_helpers import steps
from rtuning_helpers.app.cli import main
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import write_records
from rtuning_helpers.probe import probe_checks
from rtuning_helpers.run import profiles
from rtuning_helpers.run.known_exposures import EXPOSURES, exposure_rows, with_exposures
from rtuning_helpers.run.profiles import PROFILES, RunConfig

ENDS = ("\u2028", "\u2029", "\x85", "\x1c", "\x1d", "\x1e", "\x0b", "\x0c", "\r", "\t")
FILES = {"train": "training_data.json", "id": "ID_test_pararel.json", "ood": "OOD_test_pararel.json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """ParaRel's files, every question with another character that ends a line somewhere."""
    folder = tmp_path_factory.mktemp("pararel")
    for split, name in FILES.items():
        made = load_questions("mini", split, limit=2 * len(ENDS))
        rows = [
            [q.question.replace(" ", ENDS[i % len(ENDS)], 1), f"{q.answer}{ENDS[i % len(ENDS)]}x", q.relation]
            for i, q in enumerate(made)
        ]
        (folder / name).write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return folder


def test_a_run_reads_back_what_it_wrote(folder, tiny_model, tmp_path, monkeypatch):
    assert main(["data", "check", str(folder)]) == 0
    small = replace(PROFILES["mini"], epochs=1, batch_size=16, samples=2, lora_rank=4, max_new_tokens=4)
    monkeypatch.setitem(profiles.PROFILES, "mini", small)
    monkeypatch.setattr(probe_checks, "LEAST", 0)  # no answer to such questions is right
    config = RunConfig(dataset="pararel", data_dir=str(folder), model=str(tiny_model), out=str(tmp_path))
    asked = {split: load_questions("pararel", split, folder) for split in FILES}
    for _ in range(2):  # made, and found finished
        assert [p.id for p in steps.read_probes(config)] == [q.id for q in asked["train"]]
        assert [u.id for u in steps.read_uncertainty(config)] == [q.id for q in asked["train"]]
        for method in ("padding", "replacement"):
            records = steps.read_tuning_records(config, method)
            assert len(records) == len(asked["train"])
            assert all(any(end in record.prompt for end in ENDS) for record in records)
        for split in ("id", "ood"):
            found = steps.read_method_predictions(config, "padding", split)
            assert [(p.question, p.answer) for p in found] == [(q.question, q.answer) for q in asked[split]]
    assert steps.read_metrics(config, ("padding",))["rows"]


def test_exposures_are_read_back(folder, tmp_path):
    asked = [replace(q, exposure=i) for i, q in enumerate(load_questions("pararel", "id", folder))]
    write_records(tmp_path / EXPOSURES, exposure_rows(asked))
    assert with_exposures([replace(q, exposure=None) for q in asked], str(tmp_path)) == asked


def test_half_a_character_is_a_bad_row(tmp_path, capsys):
    rows = [["Who is \ud83d?", "Ana", "r"], ["Who?", "Ana", "r"], ["Who?", "\udc00", "r"]]
    (tmp_path / FILES["train"]).write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(InputError, match="row 1 has question .*with a lone surrogate; expected whole characters"):
        load_questions("pararel", "train", tmp_path)
    assert main(["data", "check", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 2 and err.count("lone surrogate") == 2 and "\\udc00" in err


def test_an_error_about_such_a_row_is_one_line(tmp_path, capsys):
    rows = [[f"Who{end} is it?", " ", "r"] for end in ENDS]
    (tmp_path / FILES["train"]).write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    assert main(["data", "check", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == len(ENDS) and r"Who\u2028 is it?" in err and r"Who\x85 is it?" in err
