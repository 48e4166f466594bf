"""Processes of our own kind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from rtuning_helpers.errors import InputError
from rtuning_helpers.processes import in_own_process

LARGE = 600  # sides of a matrix that several threads share


def multiplied() -> int:
    torch.set_num_threads(4)
    return int((torch.ones(LARGE, LARGE) @ torch.ones(LARGE, LARGE))[0, 0])


def refused() -> None:
    raise InputError("row 3: found x")


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleeping(file: str) -> None:
    Path(file).write_text(str(os.getpid()))
    time.sleep(60)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return (
        Path("/proc/self/stat").exists() and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    )


def test_it_ends_when_whoever_called_it_is_killed(tmp_path):
    file = tmp_path / "pid"
    script = tmp_path / "script.py"
    script.write_text(
        f"from rtuning_helpers.processes import in_own_process\nfrom test_processes import sleeping\n"
        f"if __name__ == '__main__':\n    in_own_process(sleeping, {str(file)!r})"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    caller = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": paths})
    try:
        end = time.monotonic() + 120
        while not (file.exists() and file.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        pid = int(file.read_text())
    finally:
        caller.kill()
        caller.wait()
    end = time.monotonic() + 30
    while not gone(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert gone(pid)


def test_it_computes_with_many_threads_after_this_process_did():
    assert multiplied() == LARGE  # a copy of this process would wait for its threads for ever
    assert in_own_process(multiplied) == LARGE


def test_its_errors_come_back():
    with pytest.raises(InputError, match="row 3: found x"):
        in_own_process(refused)


def test_its_death_is_an_error():
    with pytest.raises(RuntimeError, match=r"killed: its process was killed, or ran out of memory"):
        in_own_process(killed)
