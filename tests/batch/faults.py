"""What tests that break a batch share: starting it, killing it, and looking at what it left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rtuning_helpers.run.step_folders import MANIFEST, is_sound

STAND_IN = Path(__file__).with_name("stand_in_batch.py")


def write_grid(folder: Path, out: Path | None = None, **keys: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    keys = {
        "out": str(out or folder / "out"),
        "method": ["vanilla", "padding"],
        "seed": [0, 1, 2],
        "notebooks": ["01", "05"],
    } | keys
    (folder / "grid.yaml").write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()))
    return folder / "grid.yaml"


def start(grid: Path, *options: str, failing: str = "", command: tuple[str, ...] = (str(STAND_IN), "batch")):
    return subprocess.Popen(
        [sys.executable, *command, str(grid), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FAILING": failing},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(grid: Path, *options: str, failing: str = "") -> tuple[int, str, str]:
    process = start(grid, *options, failing=failing)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def kill_after(process: subprocess.Popen, seconds: float) -> bool:
    """Kill the batch's process, and nothing else; whether it was still at work."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def results(out: Path) -> dict[str, bytes]:
    """Every file that a batch hands on."""
    hidden = ("batch", "results.html", "results.parquet")
    files = [path for path in out.rglob("*") if path.is_file() and path.relative_to(out).parts[0] not in hidden]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files if not path.name.endswith(".lock")}


def half_written(out: Path) -> list[Path]:
    """Steps under their own name that are not as their manifest says."""
    folders = [path.parent for path in out.rglob(MANIFEST) if not path.parent.name.startswith(".")]
    return [folder for folder in folders if not is_sound(folder)]


def wait_until(condition, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())
