"""``rtuning data list`` and ``rtuning data check``."""

from __future__ import annotations

import re
from itertools import product

import pytest
from samples import (
    FALSEQA,
    FEVER,
    FEVER_ORIGINAL,
    HALUEVAL,
    HOTPOT,
    NEC,
    NEC_NONE,
    SELFAWARE,
    SELFAWARE_NONE,
    TRIVIAQA,
    WICE,
    mmlu_original,
    mmlu_rows,
    mmlu_shots,
    write_csv,
    write_json,
    write_lines,
    write_mmlu_authors,
)

from rtuning_helpers.app import notebook_runs
from rtuning_helpers.app.cli import main
from rtuning_helpers.data.datasets.mmlu_rows import ID_SUBJECTS
from rtuning_helpers.data.registry import dataset_names, find_dataset
from rtuning_helpers.errors import InputError


@pytest.fixture
def check(capsys):
    """Runs ``rtuning data check``; gives the exit status, what was printed, and the lines of the errors."""

    def run(*arguments):
        status = main(["data", "check", *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, out, err.splitlines()

    return run


def numbers(line):
    return [int(text.replace(",", "")) for text in re.findall(r"(?<=\s)[\d,]+(?=\s)", line)]


def test_golds_that_would_be_cut_are_counted(tmp_path, check):
    golds = ["3.5 million", "St. Petersburg", "Samuel L. Jackson", "an end. And more", "two\nlines", "Ana"]
    write_lines(tmp_path / "qa_data.json", *({**HALUEVAL, "right_answer": gold} for gold in golds))
    status, out, errors = check(tmp_path)
    assert (status, errors) == (0, [])
    assert "qa_data.json: 2 of 6 questions can never be answered right" in out and '"an end. And more"' in out


def test_a_folder_of_good_files_of_several_layouts(tmp_path, check):
    write_mmlu_authors(tmp_path / "a" / "MMLU", mmlu_original(), mmlu_shots())
    write_lines(tmp_path / "b" / "claim" / "dev.jsonl", WICE, WICE)
    write_json(tmp_path / "b" / "SelfAware.json", {"example": [SELFAWARE, SELFAWARE_NONE, SELFAWARE]})
    write_lines(tmp_path / "b" / "paper_dev.jsonl", FEVER_ORIGINAL, FEVER)
    write_lines(tmp_path / "b" / "NEC_answerable.json", NEC, NEC)
    write_lines(tmp_path / "b" / "NEC_unanswerable.json", NEC_NONE)
    (tmp_path / "notes.txt").write_text("none of a data set")
    status, out, errors = check(tmp_path)
    assert (status, errors) == (0, [])
    lines = {line.split()[-1]: numbers(line) for line in out.splitlines() if "/" in line and "note" not in line}
    assert lines["b/claim/dev.jsonl"] == [2, 0]
    assert lines["b/SelfAware.json"] == [3, 2, 1, 0]
    assert lines["b/paper_dev.jsonl"] == [2, 0]
    assert lines["a/MMLU/MMLU_ID_prompt.json"] == [140, 0]
    assert [numbers(line) for line in out.splitlines() if line.split()[:2] == ["nec", "total"]] == [[3, 2, 1, 0]]
    assert "note: b/paper_dev.jsonl: no evidence text in 1 rows; run with a copy that has it" in out
    assert "note: b/claim/dev.jsonl: in no split" in out
    assert re.search(r"10 files: .* good rows, 0 bad, 0 files that cannot be used; 1 other files", out)


def test_every_bad_row_is_named_and_the_exit_status_is_2(tmp_path, check):
    bad = {**HALUEVAL, "question": ""}
    path = write_lines(tmp_path / "qa_data.json", HALUEVAL, bad, "{", HALUEVAL, bad)
    status, out, errors = check(tmp_path)
    assert status == 2 and len(errors) == 3
    for line, number in zip(errors, (2, 3, 5), strict=True):
        assert line.startswith(f"rtuning: error: {path}: line {number} ") and "; expected " in line
    assert "1 files: 2 good rows, 3 bad, 0 files that cannot be used" in out


def test_skipped_bad_rows_are_counted_and_listed(tmp_path, check):
    path = write_lines(tmp_path / "qa_data.json", HALUEVAL, {**HALUEVAL, "question": ""})
    status, out, errors = check(tmp_path, "--skip-bad-rows")
    assert status == 0
    assert errors == [f'rtuning: left out: {path}: line 2 has question ""; expected a non-empty string']
    assert "1 files: 1 good rows, 1 left out, 0 files" in out


def test_many_bad_rows_are_cut_with_their_number(tmp_path, check):
    path = write_lines(tmp_path / "qa_data.json", HALUEVAL, *[{}] * 33)
    status, _, errors = check(tmp_path)
    assert status == 2 and len(errors) == 21
    assert errors[-1] == f"rtuning: error: {path}: 13 more bad rows"


@pytest.mark.parametrize("skip", [[], ["--skip-bad-rows"]])
def test_a_file_that_cannot_be_used_at_all(tmp_path, check, skip):
    write_lines(tmp_path / "qa_data.json", HALUEVAL)
    write_json(tmp_path / "claim" / "dev.jsonl", [WICE])
    write_csv(tmp_path / "falseqa" / "train.csv", ["a", "b"], *FALSEQA)
    status, out, errors = check(tmp_path, *skip)
    assert status == 2 and len(errors) == 2
    assert any("dev.jsonl: holds a JSON array; expected JSON lines" in line for line in errors)
    assert any("train.csv: the header is" in line for line in errors)
    assert "1 good rows" in out and "2 files that cannot be used" in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda shots: shots.pop("anatomy"),
            "MMLU_ID_prompt.json: subject 'anatomy' of MMLU_ID_test.json has no shots",
        ),
        (lambda shots: shots["anatomy"].pop(), "MMLU_ID_prompt.json: subject 'anatomy' has 4 shots; expected 5"),
    ],
)
def test_subjects_without_their_shots(tmp_path, check, change, message):
    write_mmlu_authors(tmp_path, mmlu_original(), mmlu_shots())
    shots = {s: rows for s, rows in mmlu_shots().items() if s in ID_SUBJECTS}
    change(shots)
    write_json(tmp_path / "MMLU_ID_prompt.json", shots)
    status, _, errors = check(tmp_path)
    assert status == 2 and any(message in line for line in errors)


def test_shots_of_the_original_are_looked_for_beside_and_in_dev(tmp_path, check):
    for folder, place in (("one", "."), ("two", "../dev"), ("three", None)):
        write_csv(tmp_path / folder / "test" / "anatomy_test.csv", *mmlu_rows("anatomy", 3))
        if place is not None:
            write_csv(tmp_path / folder / "test" / place / "anatomy_dev.csv", *mmlu_rows("anatomy", 5, "dev"))
    status, out, errors = check(tmp_path)
    assert (status, errors) == (0, [])
    assert [line for line in out.splitlines() if "no anatomy_dev.csv" in line] == [
        "note: three/test/anatomy_test.csv: no anatomy_dev.csv: without its 5 shots the subject cannot be run"
    ]
    assert "note: two/test/anatomy_test.csv: the same part of mmlu as one/test/anatomy_test.csv; a run takes one" in out


def test_only_one_data_set_is_checked(tmp_path, check):
    write_lines(tmp_path / "qa_data.json", {})
    write_lines(tmp_path / "claim" / "dev.jsonl", WICE)
    assert check(tmp_path, "--dataset", "wice")[0] == 0
    assert check(tmp_path, "--dataset", "halueval")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: folder not found; expected"),
        (["."], "no file of a known data set; expected files of one or more of "),
        ([".", "--dataset", "nec"], "no file of a known data set; expected files of one or more of nec"),
        ([".", "--dataset", "necc"], "--dataset 'necc' is unknown"),
    ],
)
def test_bad_arguments(tmp_path, monkeypatch, check, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, _, errors = check(*arguments)
    assert status == 2 and len(errors) == 1 and message in errors[0]


def fetched_sets():
    """Names of the data sets that have a public source."""
    return [n for n in dataset_names() if any(kind.public for kind in find_dataset(n).kinds)]


def test_list_shows_every_data_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RTUNING_CACHE", str(tmp_path / "cache"))
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    for name in dataset_names():
        dataset = find_dataset(name)
        assert re.search(rf"^ {re.escape(name)} ", out, flags=re.M)
        for split, count in dataset.rows.items():
            assert f"{split} ?" in out if count is None else f"{split} {count:,}" in out
    assert out.count("not fetched") == len(fetched_sets())
    assert "part of the kit" in out and "needs --data-dir" in out
    assert not (tmp_path / "cache").exists()


def test_list_says_what_is_in_the_cache_or_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RTUNING_CACHE", str(tmp_path / "cache"))
    for name, count in (("halueval", 1), ("nec", 1)):
        for file in [file for kind in find_dataset(name).kinds for file in kind.public][:count]:
            write_json(tmp_path / "cache" / "github" / file.repository / file.revision / file.path, [])
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ halueval .* fetched +$", out, flags=re.M) and "1 of 2 files" in out
    assert out.count("not fetched") == len(fetched_sets()) - 3  # one is there, with its twin; of another a part
    write_lines(tmp_path / "data" / "claim" / "test.jsonl", WICE)
    assert main(["data", "list", "--data-dir", str(tmp_path / "data")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ wice .* id +$", out, flags=re.M) and re.search(r"^ nec .* no +$", out, flags=re.M)
    assert main(["data", "list", "--data-dir", str(tmp_path / "nowhere")]) == 2


def test_a_run_takes_files_of_a_public_data_set_but_none_of_the_mini_world(tmp_path, capsys):
    assert main(["run", "--dataset", "mini", "--data-dir", str(tmp_path)]) == 2
    assert "--dataset mini reads no files" in capsys.readouterr().err
    assert main(["run", "--dataset", "hotpotqa", "--data-dir", str(tmp_path)]) == 2
    assert "no file of hotpotqa's split 'train'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["falseqa", "halueval", "nec", "popqa", "refunq", "selfaware"])
def test_nothing_is_tuned_on_a_set_that_is_only_tested_on(tmp_path, capsys, name):
    assert main(["run", "--dataset", name, "--data-dir", str(tmp_path), "--tune-on", name]) == 2
    said = capsys.readouterr().err
    assert f"--tune-on {name} has no training questions, only test: nothing can be tuned on it" in said
    assert said.count("\n") == 1
    assert main(["run", "--dataset", name]) == 2
    said = capsys.readouterr().err
    assert f"--dataset {name} has no training questions, and --tune-on multitask without --data-dir is" in said
    assert main(["run", "--dataset", name, "--data-dir", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"(needed to tune on multitask, as --dataset {name} has no training questions; --tune-on NAME takes" in said


@pytest.mark.parametrize("name", ["mmlu", "wice", "wice-subclaim", "hotpotqa", "fever", "triviaqa", "triviaqa-rc"])
def test_a_run_gets_as_far_as_its_first_notebook(tmp_path, monkeypatch, name):
    """All checks passed, with the shipped notebooks and the mini model; no kernel is started."""
    write_mmlu_authors(tmp_path / "mmlu", mmlu_original(), mmlu_shots())
    for kind, part in product(("claim", "subclaim"), ("train", "test")):
        write_lines(tmp_path / "wice" / kind / f"{part}.jsonl", *[WICE] * 4)
    for part in ("hotpot_10k.json", "hotpot_dev_distractor_v1.json"):
        write_json(tmp_path / "hotpot" / part, [{**HOTPOT, "_id": str(i)} for i in range(4)])
    for part in ("fever_10k.json", "fever_10k_test.json"):
        write_json(tmp_path / "fever" / part, [FEVER] * 4)
    for file, part in product(("unfiltered-web", "qa/web", "qa/wikipedia"), ("train", "dev")):
        write_json(tmp_path / "triviaqa" / f"{file}-{part}.json", {"Data": [TRIVIAQA] * 4})
    reached = []

    def stop(source, target, parameters, progress=None):
        reached.append((source.name, parameters["dataset"], parameters["limit"]))
        raise InputError("stopped")

    monkeypatch.setattr(notebook_runs, "execute", stop)
    arguments = ["run", "--dataset", name, "--data-dir", str(tmp_path), "--limit", "3", "--out", str(tmp_path / "runs")]
    assert main(arguments) == 2
    assert reached == [("01_probe_knowledge.ipynb", name, 3)]


def test_a_recording_of_a_set_that_is_only_tested_on(tmp_path, capsys):
    write_lines(tmp_path / "qa_data.json", HALUEVAL, {**HALUEVAL, "question": "Who lost?", "right_answer": "Bo"})
    rows = [[1, 0.9, 0.8, ["Who won?", "Ana", "qa"], "Ana"], [0, 0.4, 0.3, ["Who lost?", "Bo", "qa"], "Cy"]]
    recorded = write_json(tmp_path / "recorded.json", rows)
    arguments = ["score", str(recorded), "--dataset", "halueval", "--data-dir", str(tmp_path)]
    assert main(arguments) == 0
    write_json(recorded, rows[::-1])
    assert main(arguments) == 2
    assert 'expected ["Who won?", "Ana"] of halueval test' in capsys.readouterr().err


def test_every_staged_file_is_accepted(shared_data, check):
    status, out, errors = check(shared_data)
    assert (status, errors) == (0, [])
    rows = {line.split()[-1]: numbers(line) for line in out.splitlines() if "/" in line and "note" not in line}
    assert {
        "r-tuning/pararel/training_data.json": [5575, 0],
        "r-tuning/pararel/ID_test_pararel.json": [5584, 0],
        "r-tuning/pararel/OOD_test_pararel.json": [13974, 0],
        "r-tuning/MMLU/MMLU_ID_train.json": [2448, 0],
        "r-tuning/MMLU/MMLU_ID_test.json": [2439, 0],
        "r-tuning/MMLU/MMLU_OOD_test.json": [9155, 0],
        "halueval/qa_one-turn_data.json": [500, 0],
        "hotpotqa/dev_distractor_100.json": [100, 0],
        "hotpotqa/dev_distractor_100.hub-schema.json": [100, 0],
        "fever/paper_dev_sample500.jsonl": [500, 0],
        "wice/claim/dev.jsonl": [349, 0],
        "wice/claim/test.jsonl": [358, 0],
        "selfaware/SelfAware.json": [3369, 2337, 1032, 0],
        "unknownbench/NEC_answerable.json": [2072, 2072, 0, 0],
        "unknownbench/NEC_unanswerable.json": [2078, 0, 2078, 0],
        "unknownbench/RefuNQ_answerable.json": [2266, 2266, 0, 0],
        "unknownbench/RefuNQ_unanswerable.json": [2173, 0, 2173, 0],
    }.items() <= rows.items()
    assert [numbers(line) for line in out.splitlines() if line.split()[:2] == ["falseqa", "total"]] == [
        [4730, 2365, 2365, 0]
    ] * 2
    assert "no evidence text in 500 rows" in out
