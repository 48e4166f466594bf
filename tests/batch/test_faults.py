"""A batch that is killed, runs out of disk, or finds a broken file: nothing is lost, and what is missing is done."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
from pathlib import Path

import pytest
from faults import half_written, kill_after, results, run, start, wait_until, write_grid

from rtuning_helpers.batch.status import look

KILLS = 20


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The grid of a batch that nobody disturbed."""
    grid = write_grid(tmp_path_factory.mktemp("undisturbed"))
    assert run(grid)[0] == 0
    return grid


@pytest.fixture(scope="module")
def undisturbed(finished) -> dict[str, bytes]:
    """What it leaves."""
    return results(finished.parent / "out")


def test_killed_at_random_moments(tmp_path, undisturbed):
    rng, kills, grids = random.Random(12), 0, 0
    while kills < KILLS:
        grids += 1
        grid = write_grid(tmp_path / f"{grids}")
        for _ in range(KILLS // 2):  # the last call may find nothing to do
            kills += kill_after(start(grid), rng.uniform(0.2, 2.0))
            assert half_written(grid.parent / "out") == []
        status, output, errors = run(grid)
        assert (status, errors) == (0, ""), output
        assert results(grid.parent / "out") == undisturbed
        assert not (grid.parent / "redone").exists(), (grid.parent / "redone").read_text()


def test_a_corrupted_file_is_made_again_and_nothing_else(finished, undisturbed):
    out = finished.parent / "out"
    victim = out / "mini" / "mini" / "padding" / "seed1" / "predictions" / "part2"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    status, output, _ = run(finished)
    assert status == 0
    ended = [
        line.split(" finished")[0] for line in output.splitlines() if " finished, " in line and line.startswith("mini/")
    ]
    assert ended == ["mini/mini/seed1/padding", "mini/mini/seed1/05_stand_in"]
    assert results(out) == undisturbed
    assert not (finished.parent / "redone").exists()


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/proc/mounts").is_file(), reason="mounts a disk: needs root on Linux"
)
def test_a_full_disk(tmp_path, undisturbed):
    out = tmp_path / "small"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(out)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a disk here")
    try:
        grid = write_grid(tmp_path, out)
        status, _, errors = run(grid)
        assert status == 1
        assert "No space left on device" in errors or "runs are not finished" in errors
        assert half_written(out) == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)
        assert run(grid)[0] == 0
        assert results(out) == undisturbed
        assert not (tmp_path / "redone").exists()
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_failed_runs_are_marked_and_resumed(tmp_path, undisturbed):
    out = tmp_path / "o'ut; $(touch taken) `touch over` {seed}"  # what no shell is to see
    grid = write_grid(tmp_path, out)
    status, output, errors = run(grid, failing="padding")
    assert status == 1
    assert output.count("failed: mini/mini/padding/seed") == 3
    assert "padding: it was told to fail" in output
    assert errors.startswith("rtuning: failed: 3 of 6 runs are not finished; `rtuning batch ")
    page = (out / "results.html").read_text()
    assert page.count("it was told to fail") == 3 and "3 of 6 runs finished, 3 failed" in page
    status, output, _ = run(grid, "--only-failed")
    assert status == 0
    assert "mini/mini/seed0/vanilla" not in output
    assert results(out) == undisturbed
    assert not list(tmp_path.rglob("taken")) and not list(tmp_path.rglob("over"))


def test_one_can_stop_at_the_first_failure(tmp_path):
    grid = write_grid(tmp_path)
    status, output, _ = run(grid, "--stop", failing="probe")
    assert status == 1
    assert "0 of 6 runs finished, 2 failed" in output  # those of the group that was begun
    assert "seed2" not in "".join(line for line in output.splitlines() if "failed:" in line)


def test_two_batches_in_one_folder(tmp_path):
    grid = write_grid(tmp_path)
    first = start(grid)
    assert wait_until(lambda: (tmp_path / "out" / "batch" / "events.jsonl").is_file())
    status, output, errors = run(grid)
    assert status == 2 and output == ""
    assert "another batch is at work there" in errors and errors.count("\n") == 1
    told = "\n".join(look(tmp_path / "out").batch_lines())
    # which seed is at work by now depends on how quick the second one was to see the first
    assert re.match(r"Batch \(at work\): 6 runs, 6 not finished yet\n  running: mini/mini/seed\d/", told), told
    first.kill()
    first.communicate()
    told = "\n".join(look(tmp_path / "out").batch_lines())
    assert re.match(r"Batch: 6 runs, 6 not finished\n  stale: mini/mini/seed\d/", told), told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_leaves_no_process_and_no_half_folder(tmp_path, number):
    grid = write_grid(tmp_path)
    process = start(grid)
    events = tmp_path / "out" / "batch" / "events.jsonl"
    assert wait_until(lambda: events.is_file() and '"running"' in events.read_text())
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    pids = [event["pid"] for line in events.read_text().splitlines() if "pid" in (event := json.loads(line))]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not [path for path in (tmp_path / "out").rglob(".*") if path.is_dir()]
