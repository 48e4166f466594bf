"""What other systems do differently: tried with the parts of Windows replaced that Linux does not have."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import matplotlib
import psutil
import pytest

from rtuning_helpers import processes
from rtuning_helpers.app import cli
from rtuning_helpers.batch.state import Events
from rtuning_helpers.figures import plots
from rtuning_helpers.model import gguf_files
from rtuning_helpers.run import step_folders
from rtuning_helpers.run.local_paths import absolute_model

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = "import subprocess, sys, time; print(subprocess.Popen({}).pid, flush=True); time.sleep(60)"
WATCHER = """
import sys, time
from rtuning_helpers import processes
processes.WINDOWS, processes.LOOK_SECONDS = True, 0.05
processes.end_with(int(sys.argv[1]))
time.sleep(60)
"""


@pytest.fixture
def windows(monkeypatch):
    for module in (processes, step_folders):
        monkeypatch.setattr(module, "WINDOWS", True)


def test_a_process_and_all_that_it_started_are_ended(windows, monkeypatch):
    monkeypatch.delattr(os, "killpg")
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(SLEEP)], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    processes.end_group(parent, signal.SIGINT)
    parent.wait(10)
    psutil.wait_procs([child], 10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    processes.end_group(parent, signal.SIGINT)  # it is gone


def test_a_process_ends_with_one_that_is_not_its_parent():
    """On Windows a virtual environment's Python is a launcher, and stands between the two."""
    caller = subprocess.Popen(SLEEP)
    watcher = subprocess.Popen([sys.executable, "-c", WATCHER, str(caller.pid)])
    try:
        time.sleep(1.5)
        assert watcher.poll() is None
        caller.kill()
        caller.wait()
        assert watcher.wait(10) == 1
    finally:
        for process in (caller, watcher):
            process.kill()
            process.wait()


def test_no_folder_is_opened(windows, monkeypatch, tmp_path):
    opened, open_ = [], os.open

    def as_windows(path, flags, *rest):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", path)
        opened.append(flags)
        return open_(path, flags, *rest)

    monkeypatch.setattr(os, "open", as_windows)
    step_folders.to_disk(tmp_path)
    file = tmp_path / "file"
    file.write_text("x")
    step_folders.to_disk(file)
    assert opened == [os.O_RDWR]


def test_events_are_written_without_what_windows_lacks(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "pread")
    monkeypatch.setattr(os, "O_BINARY", 0, raising=False)
    events = Events(tmp_path)
    events.add(state="running")
    with events.path.open("a") as file:
        file.write('{"cut')
    events.add(state="finished")
    assert [event["state"] for event in events.read()] == ["running", "finished"]
    assert events.path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("lacking", [("symlink",), ("symlink", "link")])
def test_a_file_is_had_elsewhere_without_links(monkeypatch, tmp_path, lacking):
    def refused(*_):
        raise OSError(1314, "A required privilege is not held by the client")

    for name in lacking:
        monkeypatch.setattr(os, name, refused)
    (tmp_path / "a.gguf").write_bytes(b"content")
    gguf_files._put_alone(tmp_path / "a.gguf", tmp_path / "b.gguf")
    assert (tmp_path / "b.gguf").read_bytes() == b"content" and not (tmp_path / "b.gguf").is_symlink()
    with pytest.raises(OSError):
        gguf_files._put_alone(tmp_path / "none", tmp_path / "no folder" / "c.gguf")


def test_a_models_folder_is_known_by_its_path(tmp_path):
    assert absolute_model(str(tmp_path / "none")) == str(tmp_path / "none")
    assert absolute_model("owner/model") == "owner/model"


def test_any_character_can_be_printed(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)
    assert cli.main(["--version"]) == 0
    print("한 ≥ 1")
    out.flush()
    assert out.buffer.getvalue().endswith(rb"\ud55c \u2265 1" + b"\n")


def test_figures_have_the_font_that_comes_with_matplotlib():
    plots.use_style({})
    assert matplotlib.rcParams["font.family"] == ["DejaVu Sans"]
