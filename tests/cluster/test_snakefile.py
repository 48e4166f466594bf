"""The Snakefile on one machine: what is done, what is listed after an interruption, and what is done then."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("snakemake") is None,
    reason="Snakemake is not installed: pip install -e '.[cluster]', for Python 3.11 or later",
)

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "workflow"
JOBS = {
    f"mini/mini/seed{seed}/{what}"
    for seed in range(3)
    for what in ("probe", "pretrained", "vanilla", "padding", "05_evaluate")
}


class Workflow:
    """Snakemake over a grid of 2 methods and 3 seeds; its command is `stand_in_rtuning`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.done = folder, folder / "o'ut; $(touch taken) `touch over`", folder / "done"
        keys = {"out": str(self.out), "method": ["vanilla", "padding"], "seed": [0, 1, 2], "notebooks": ["05"]}
        self.grid = folder / "a grid.yaml"
        self.grid.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()))
        stand_in = shlex.join([sys.executable, "-S", str(Path(__file__).with_name("stand_in_rtuning.py"))])
        (folder / "bin").mkdir()
        (folder / "bin" / "rtuning").write_text(f'#!/bin/sh\nexec {stand_in} "$@"\n')
        (folder / "bin" / "rtuning").chmod(0o755)

    def start(self, *options: str, failing: str = "") -> subprocess.Popen:
        command = [sys.executable, "-m", "snakemake", "-s", str(WORKFLOW / "Snakefile"), "--workflow-profile"]
        command += [str(WORKFLOW / "profiles" / "local"), "--config", f"grid={self.grid.name}", *options]
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        variables = {"PATH": path, "DONE": str(self.done), "FAILING": failing, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, cwd=self.folder, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def run(self, *options: str, failing: str = "") -> tuple[int, str]:
        process = self.start(*options, failing=failing)
        said = process.communicate(timeout=300)[0]
        return process.returncode, said

    def did(self) -> list[str]:
        """The jobs that were asked for."""
        calls = self.done.read_text().splitlines() if self.done.exists() else []
        return [call.split()[1] for call in calls if call.startswith("--job")]

    def finished(self) -> dict[Path, int]:
        """What finished jobs have left, and when."""
        left = [path for pattern in ("manifest.json", "*.ipynb") for path in self.out.rglob(pattern)]
        return {path: path.stat().st_mtime_ns for path in left}


def listed(said: str) -> int:
    """How many jobs Snakemake lists, those aside that only wait for others."""
    counts = dict(re.findall(r"^(\w+) +(\d+)$", said, flags=re.M))
    return sum(int(counts.get(rule, 0)) for rule in ("ask", "tune", "notebook"))


def test_interrupted_and_resumed(tmp_path):
    flow = Workflow(tmp_path)
    process = flow.start("--cores", "2")
    end = time.monotonic() + 200
    while len(flow.did()) < 6 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120) and process.returncode != 0
    before = flow.finished()
    missing = len(JOBS) - len(before)
    assert 5 <= missing <= 10
    status, said = flow.run("-n")
    assert (status, listed(said)) == (0, missing), said
    flow.done.unlink()
    status, said = flow.run("--cores", "2")
    assert status == 0, said
    assert len(flow.did()) == len(set(flow.did())) == missing
    assert {call.rsplit(" ", 2)[1] for call in flow.done.read_text().splitlines()} == {"1"}  # without a connection
    after = flow.finished()
    assert len(after) == len(JOBS)
    assert before.items() <= after.items()  # what was finished is as it was
    assert (flow.out / "results.html").is_file()
    status, said = flow.run("-n")
    assert "Nothing to be done" in said
    assert not list(tmp_path.rglob("taken")) and not list(tmp_path.rglob("over"))


def test_a_job_that_fails_is_tried_in_smaller_batches_and_the_others_go_on(tmp_path):
    flow = Workflow(tmp_path)
    status, said = flow.run("--cores", "4", failing="padding")
    assert status == 1
    assert f"`rtuning status {shlex.quote(str(flow.out))}` says what failed" in said
    calls = sorted(call for call in flow.done.read_text().splitlines() if "seed1/" in call)
    assert calls == [
        *(f"--job mini/mini/seed1/padding 1 {divisor}" for divisor in (1, 2, 4)),
        *(f"--job mini/mini/seed1/{what} 1 1" for what in ("pretrained", "probe", "vanilla")),
    ]
    assert len(flow.finished()) == 9
    assert flow.done.read_text().splitlines()[:2] == ["--fetch  - -", "--dry-run  1 -"]


def test_a_grid_that_cannot_be_used_is_told_in_one_line(tmp_path):
    flow = Workflow(tmp_path)
    flow.grid.write_text("seed: [0, 0]\n")
    status, said = flow.run("-n")
    assert status == 1
    assert "a grid.yaml, line 1, key seed: two runs have the folder" in said and "Traceback" not in said
    assert not flow.out.exists()
