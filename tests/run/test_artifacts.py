"""Result folders: whole or not at all, reused only when nothing that matters has changed."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_json, read_records, write_json, write_records, write_text
from rtuning_helpers.progress import PROGRESS_FILE
from rtuning_helpers.run import artifacts, step_folders
from rtuning_helpers.run.artifacts import (
    StepMissing,
    check_writable,
    only_looking,
    results_folder,
    run_step,
    shown_path,
    step_folder,
)  # fmt: skip
from rtuning_helpers.run.profiles import RunConfig, default_out
from rtuning_helpers.run.step_folders import CLEANED, MANIFEST, is_finished, remains, replace_folder, step_lock


class Step:
    """Writes a file and counts how often it was asked to."""

    def __init__(self, text: str = "result", error: BaseException | None = None) -> None:
        self.text, self.error, self.times = text, error, 0

    def __call__(self, folder: Path) -> None:
        self.times += 1
        (folder / "rows.txt").write_text(self.text)
        (folder / "adapter").mkdir()
        (folder / "adapter" / "weights").write_bytes(b"\0\1")
        if self.error is not None:
            raise self.error


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_step_is_reused(tmp_path):
    step, folder = Step(), tmp_path / "a" / "probe"
    assert run_step(folder, {"seed": 1, "splits": ("id", "ood")}, step) == folder
    before = contents(folder)
    assert set(before) == {"rows.txt", "adapter/weights", MANIFEST}
    run_step(folder, {"splits": ["id", "ood"], "seed": 1}, step)
    assert step.times == 1
    assert contents(folder) == before


@pytest.mark.parametrize(
    "change", ["parameters", "input", "missing file", "changed file", "broken manifest", "schema", "force"]
)
def test_a_step_is_done_again_when_something_changed(tmp_path, monkeypatch, change):
    source, folder = tmp_path / "m" / "seed0" / "data", tmp_path / "m" / "seed0" / "tuning"
    run_step(source, {"k": 1}, Step("data"))
    run_step(folder, {"seed": 1}, Step("old"), inputs=[source])
    again = Step("new")
    if change == "input":
        run_step(source, {"k": 2}, Step("other data"))
    elif change == "missing file":
        (folder / "adapter" / "weights").unlink()
    elif change == "changed file":  # of the same size, as a bad disk leaves it
        (folder / "adapter" / "weights").write_bytes(b"\0\2")
    elif change == "broken manifest":
        (folder / MANIFEST).write_text((folder / MANIFEST).read_text()[:-20])
    elif change == "schema":
        monkeypatch.setattr(artifacts, "SCHEMA_VERSION", 2)
    parameters = {"seed": 2 if change == "parameters" else 1}
    run_step(folder, parameters, again, inputs=[source], force=change == "force")
    assert again.times == 1
    assert (folder / "rows.txt").read_text() == "new"
    run_step(folder, parameters, again, inputs=[source])
    assert again.times == 1


@pytest.mark.parametrize("error", [ValueError("boom"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failed_step_leaves_the_earlier_result(tmp_path, error):
    folder = tmp_path / "probe"
    run_step(folder, {"seed": 1}, Step("old"))
    before = contents(tmp_path)
    with pytest.raises(type(error)):
        run_step(folder, {"seed": 2}, Step("new", error))
    assert contents(tmp_path) == before  # no temporary folder either
    unused = Step()
    run_step(folder, {"seed": 1}, unused)
    assert unused.times == 0


def test_a_first_step_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="disk full"):
        run_step(tmp_path / "probe", {}, Step(error=OSError("disk full")))
    assert [path.name for path in tmp_path.iterdir()] == [".probe.lock"]


def test_parameters_that_json_cannot_hold_are_refused_before_the_work(tmp_path):
    step = Step()
    with pytest.raises(TypeError):
        run_step(tmp_path / "probe", {"path": tmp_path}, step)
    assert step.times == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")
def test_a_killed_process_leaves_nothing_that_counts_as_finished(tmp_path):
    folder = tmp_path / "probe"
    run_step(folder, {"seed": 1}, Step("old"))
    before = contents(folder)
    for seed in (1, 2):
        read_end, write_end = os.pipe()

        def write(work: Path, signal_end: int = write_end) -> None:
            (work / "rows.txt").write_text("half a res")
            os.write(signal_end, b"writing")
            time.sleep(60)

        child = os.fork()
        if child == 0:
            try:
                run_step(folder, {"seed": seed}, write, force=True)
            finally:
                os._exit(1)
        assert os.read(read_end, 7) == b"writing"
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        os.close(read_end)
        os.close(write_end)
    assert contents(folder) == before
    finished = [path.parent for path in tmp_path.rglob(MANIFEST)]
    assert finished == [folder]
    wanted = {"schema_version": 1, "parameters": {"seed": 2}, "inputs": {}}
    assert not any(is_finished(path, wanted) for path in tmp_path.iterdir())
    assert len(remains(folder)) == 1  # the second cleared what the first had left
    again = Step("new")
    run_step(folder, {"seed": 2}, again)
    assert again.times == 1
    assert remains(folder) == []


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_process_left_that_died_between_two_renames_is_put_in_its_place(tmp_path, whole):
    folder, other = tmp_path / "probe", tmp_path / "other" / "probe"
    run_step(folder, {"seed": 1}, Step("old"))
    run_step(other, {"seed": 2}, Step("new"))
    if not whole:
        (other / "rows.txt").write_text("half a res")
    os.rename(folder, tmp_path / ".probe-0123abcd-old")
    os.rename(other, tmp_path / ".probe-0123abcd")
    unused = Step()
    run_step(folder, {"seed": 2 if whole else 1}, unused)
    assert unused.times == 0
    assert (folder / "rows.txt").read_text() == ("new" if whole else "old")
    assert remains(folder) == []


def test_two_that_want_the_same_step_do_it_once(tmp_path):
    times = []

    def write(folder: Path) -> None:
        times.append(folder)
        time.sleep(0.3)
        (folder / "rows.txt").write_text("result")

    with ThreadPoolExecutor(4) as threads:
        folders = list(threads.map(lambda _: run_step(tmp_path / "probe", {"seed": 1}, write), range(4)))
    assert folders == [tmp_path / "probe"] * 4
    assert len(times) == 1


def test_waiting_for_another_process_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(step_folders, "QUIET_SECONDS", 0.05)
    shown = tmp_path / "progress"
    monkeypatch.setenv(PROGRESS_FILE, str(shown))
    seen = []
    with ThreadPoolExecutor(1) as threads:
        with step_lock(tmp_path / "probe"):
            other = threads.submit(run_step, tmp_path / "probe", {}, Step())
            while not seen and not other.done():
                seen += shown.read_text().splitlines() if shown.is_file() else []
        assert other.result(60) == tmp_path / "probe"
    assert seen == ["waiting for another process, which is at probe, 0 of 1"]
    assert shown.read_text() == ""


def test_one_can_look_whether_a_step_is_finished(tmp_path):
    folder, step = tmp_path / "probe", Step()
    with only_looking(), pytest.raises(StepMissing):
        run_step(folder, {"seed": 1}, step)
    assert step.times == 0 and not list(tmp_path.iterdir())
    run_step(folder, {"seed": 1}, step)
    with only_looking():
        assert run_step(folder, {"seed": 1}, step) == folder
        with pytest.raises(StepMissing):
            run_step(folder, {"seed": 2}, step)
        (folder / "rows.txt").unlink()
        with pytest.raises(StepMissing):
            run_step(folder, {"seed": 1}, step)
        (folder / CLEANED).touch()
        assert run_step(folder, {"seed": 1}, step) == folder
    run_step(folder, {"seed": 1}, step)  # whoever needs the files makes them again
    assert step.times == 2 and (folder / "rows.txt").is_file()


@pytest.mark.parametrize("names", [{"dataset": "../x"}, {"dataset": "a/b"}, {"dataset": "a\\b"}, {"tune_on": "/etc/x"}])
def test_no_name_leads_out_of_the_results(tmp_path, names):
    with pytest.raises(InputError, match="cannot be part of a result folder's name"):
        results_folder(RunConfig(out=str(tmp_path), **{"dataset": "mini"} | names))
    for method, step in (("..", "data"), ("padding", "predictions-on-../x")):
        with pytest.raises(InputError, match="without slashes"):
            step_folder(RunConfig(out=str(tmp_path)), method, step)


def test_interrupted_replacement_puts_the_old_folder_back(tmp_path, monkeypatch):
    new, old = tmp_path / "new", tmp_path / "result"
    for folder in (new, old):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    rename, calls = os.rename, []

    def interrupted(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(new, old)
    assert (old / "name").read_text() == "result"


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "metrics.json"
    write_json(path, {"ap": 0.5})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"ap": float("nan")})
    monkeypatch.setattr(os, "chmod", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_text(path, "interrupted")
    assert read_json(path) == {"ap": 0.5}
    assert [item.name for item in tmp_path.iterdir()] == ["metrics.json"]


def test_records_come_back_as_they_were(tmp_path):
    @dataclass(frozen=True)
    class Row:
        text: str
        value: float | None

    rows = [Row("naïve “quotes”\n", 0.1), Row("", None), Row("a\u2028b\x85c\x1cd\x0be", 1.0), Row("half \ud83d", 2.0)]
    write_records(tmp_path / "rows.jsonl", rows)
    assert read_records(tmp_path / "rows.jsonl", Row) == rows
    assert json.loads((tmp_path / "rows.jsonl").read_text("utf-8").split("\n")[1]) == {"text": "", "value": None}


def test_folders_differ_wherever_results_may_differ(tmp_path, monkeypatch):
    monkeypatch.delenv("RTUNING_OUT_BASE", raising=False)  # which the notebooks' tests set
    base = RunConfig(out=str(tmp_path))
    others = [
        RunConfig(out=str(tmp_path), **{name: value})
        for name, value in {"profile": "paper", "dataset": "pararel", "limit": 5, "model": "a/b", "seed": 1}.items()
    ]
    folders = {step_folder(config, "padding", "data") for config in [base, *others]}
    assert len(folders) == 6
    assert step_folder(base, "padding", "data") == tmp_path / "mini" / "mini" / "padding" / "seed0" / "data"
    assert results_folder(RunConfig(out=str(tmp_path), model="../../../x")).is_relative_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert results_folder(RunConfig(out="runs")).is_relative_to(default_out() / "runs")  # wherever one stands


def test_unwritable_output_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="parameter out .*expected a writable folder"):
        check_writable(RunConfig(out=str(tmp_path / "file" / "runs")))
    check_writable(RunConfig(out=str(tmp_path / "fine")))
    assert not any(path.is_file() for path in (tmp_path / "fine").rglob("*"))


def test_paths_are_shown_without_the_home_folder(monkeypatch, tmp_path):
    assert shown_path(default_out() / "runs" / "x") == "runs/x"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(tmp_path) not in shown_path(tmp_path / "secret" / "metrics.json")
