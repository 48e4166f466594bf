"""A recording: whose it is, what stays when one seed is measured again, and that those shipped are whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtuning_helpers.app.cli import main
from rtuning_helpers.app.recordings import find_recording, recording_names
from rtuning_helpers.errors import InputError
from rtuning_helpers.experiments import recording as recording_module
from rtuning_helpers.experiments.real_questions import recording as real_questions
from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.json_files import read_json
from rtuning_helpers.model.model_files import model_revision
from rtuning_helpers.run.profiles import RunConfig, default_out


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Results in a folder of their own; what the models' revisions are said to be."""
    found = {"mini": "a", "mini-tasks": "b"}
    monkeypatch.setattr(recording_module, "default_out", lambda: tmp_path)
    monkeypatch.setattr(recording_module, "model_revision", found.__getitem__)
    return found


def measured(config):
    """A number of the run; every run of a seed adds its own row."""
    return {"rows": [{"seed": config.seed, "on": config.dataset, "value": 0.1 * config.seed}], "more": []}


def test_one_seed_is_measured_again_and_the_others_stay(weights):
    recording, told = Recording("mini/x.json", "05", measured), []
    recording.record([2, 0], "runs", told.append)
    assert told == ["seed 2, tuned on mini: measuring", "seed 0, tuned on mini: measuring"]
    assert recording.read(RunConfig(seed=9, out="elsewhere")) == recording.content()
    assert [(row["seed"], row["value"]) for row in recording.content()["rows"]] == [(0, 0.0), (2, 0.2)]
    again = replace(recording, measure=lambda config: {"rows": [{"seed": config.seed, "value": 7}], "more": []})
    again.record([2], "runs", told.append)
    assert [(row["seed"], row["value"]) for row in recording.content()["rows"]] == [(0, 0.0), (2, 7)]
    assert (recording.seeds(), recording.content()["more"]) == ([0, 2], [])
    weights["mini"] = "other"
    again.record([1], "runs", told.append)
    assert recording.seeds() == [1]  # rows of other weights do not stand beside these


def test_a_recording_may_need_two_runs_of_a_seed_and_write_more(weights):
    done = []
    runs = (RunConfig(dataset="multitask"), RunConfig())
    recording = Recording("mini/x.json", "07", measured, runs, after=done.extend)
    recording.record([0, 1], "somewhere")
    assert [(r["seed"], r["on"]) for r in recording.content()["rows"]] == [
        (0, "multitask"), (0, "mini"), (1, "multitask"), (1, "mini"),
    ]  # fmt: skip
    assert [(c.seed, c.dataset, c.out) for c in done[:2]] == [(0, "multitask", "somewhere"), (0, "mini", "somewhere")]
    assert read_json(recording.path)["model_revisions"] == weights
    assert recording.mismatch(RunConfig(dataset="multitask")) is None
    assert "'multitask'" in recording.mismatch(RunConfig())  # about the first run's data
    weights["mini"] = "other"
    assert "measured with other weights" in recording.mismatch(RunConfig(dataset="multitask"))


@pytest.mark.parametrize(
    "other", [{"limit": 9}, {"dataset": "mini-mmlu"}, {"model": "x"}, {"data_dir": "x"}, {"profile": "paper"},
              {"epochs": 2}, {"tune_on": "multitask"}, {"style": "few-shot"}, {"permutations": 2}],
)  # fmt: skip
def test_another_run_is_told_why_it_reads_nothing(weights, capsys, other):
    recording = Recording("mini/x.json", "05", measured)
    assert recording.read(RunConfig()) is None
    assert capsys.readouterr().out == "No recording over seeds for this run: there is no results/mini/x.json.\n"
    recording.record([0], "runs", lambda line: None)
    assert recording.read(replace(RunConfig(), **other)) is None
    assert "results/mini/x.json is about the whole of data set 'mini'" in capsys.readouterr().out


def test_a_data_set_that_everyone_has_elsewhere_is_asked_for(weights, tmp_path, capsys):
    weights["x"] = "c"
    seen = []
    recording = Recording(
        "real/x.json",
        "12",
        lambda c: seen.append(c.data_dir) or measured(c),
        (RunConfig("laptop", "pararel", model="x", limit=9),),
    )
    with pytest.raises(
        InputError, match="parameter data_dir None for data set pararel; expected a folder with its files"
    ):
        recording.record([0], "runs")
    with pytest.raises(InputError, match="parameter data_dir here for data set mini; expected none"):
        Recording("mini/x.json", "05", measured).record([0], "runs", data_dir="here")
    recording.record([0], "runs", lambda line: None, "here")
    assert seen == ["here"] and recording.mismatch(replace(recording.runs[0], data_dir="there")) is None
    assert recording.read(RunConfig("laptop", "pararel", model="x")) is None
    said = "results/real/x.json is about 9 questions a split of data set 'pararel' and model x in style few-shot"
    assert said in capsys.readouterr().out


def test_a_row_that_is_no_number_is_not_written(weights):
    recording = Recording("mini/x.json", "05", lambda config: {"rows": [{"seed": 0, "value": float("nan")}]})
    with pytest.raises(ValueError, match="JSON"):
        recording.record([0], "runs", lambda line: None)
    assert not recording.path.exists()


@pytest.mark.parametrize("name", recording_names())
def test_what_is_shipped_is_whole_and_of_the_shipped_model(name):
    recording = find_recording(name)
    assert recording.path.is_file()
    for part, rows in recording.content().items():
        assert rows and {row["seed"] for row in rows} == ({0} if part == "models" else {0, 1, 2})
    if recording.needs_data_dir or name == "real_questions":  # the model is no part of the kit
        return
    assert recording.mismatch(replace(recording.runs[0], seed=5)) is None
    names = {run.settings.model for run in recording.runs}
    assert read_json(recording.path)["model_revisions"] == {name: model_revision(name) for name in names}
    (source,) = (default_out() / "notebooks" / "source").glob(f"{recording.notebook}_*.py")
    assert f"rtuning record {name}" in source.read_text(encoding="utf-8")


def test_recordings_are_found_by_their_place():
    expected = {
        "drift",
        "estimators",
        "gemma3",
        "smollm2",
        "labels",
        "released_code",
        "seeds",
        "transfer",
        "unanswerable",
    }
    assert expected < {*recording_names()}
    with pytest.raises(InputError, match="recording '../mini' is unknown; expected one of aloud, drift, "):
        find_recording("../mini")


def test_the_command(weights, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(Recording, "record", lambda self, *arguments: asked.append((self.file, *arguments[:2])))
    assert main(["record", "seeds", "--seeds", "3, 1,3", "--out", "/some/where"]) == 0
    assert asked == [("mini/seeds.json", [3, 1], "/some/where")]
    assert "mini/seeds.json" in capsys.readouterr().out
    assert main(["record", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["seeds", "results/mini/seeds.json", "05", "-"] in [line.split() for line in lines]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nope"], "recording 'nope' is unknown; expected one of aloud, drift, "),
        ([], "recording '' is unknown; expected one of aloud, drift, "),
        (["seeds", "--seeds", "0,x"], "--seeds '0,x': expected whole numbers from 0 on, separated by commas"),
        (["seeds", "--seeds", ""], "--seeds '': expected whole numbers from 0 on"),
        (["seeds", "--seeds", "99999999999"], "--seeds '99999999999': expected whole numbers from 0 on"),
    ],
)
def test_bad_arguments_are_one_line(arguments, expected, capsys):
    assert main(["record", *arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert captured.err.startswith(f"rtuning: error: {expected}")


def test_real_questions_need_their_model(tmp_path, monkeypatch):
    monkeypatch.setattr(real_questions, "MODEL", tmp_path / "pararel-mini")
    with pytest.raises(InputError, match="pararel-mini: no such model; expected the one that `rtuning build-mini"):
        real_questions.RECORDING.record([0], str(tmp_path), lambda line: None)
