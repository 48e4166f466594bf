"""Kill a batch of real steps a hundred times: ``python tests/batch/many_kills.py [--kills 100] [--stand-in]``.

Two methods and three seeds of the mini data set, a few questions each, all notebooks or some. Each round begins with an
empty folder and kills the batch, and only its own process, at random moments; in between one file of a finished step
is spoiled. Then the batch is done to its end, and what it left is compared with what an undisturbed one leaves: the
numbers in ``results.csv`` and every file of every step, but for those that hold times. Takes about an hour on 2 cores.
With ``--stand-in`` the steps take a moment, as in `test_faults.py`. Not collected by pytest.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from faults import STAND_IN, half_written, kill_after, start, write_grid

from rtuning_helpers.run.step_folders import MANIFEST

COMMAND = ("-m", "rtuning_helpers.app.cli", "batch")
STAND_INS = (str(STAND_IN), "batch")
TIMED = ("training.json", MANIFEST)  # a tuning's seconds and memory, and with them the hashes of what follows


def whole(grid: Path, command: tuple[str, ...]) -> None:
    process = start(grid, command=command)
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors


def finished(out: Path) -> dict[Path, int]:
    """Every finished step, and when its manifest was written [ns]."""
    return {p: p.stat().st_mtime_ns for p in out.rglob(MANIFEST) if not p.parent.name.startswith(".")}


def content(out: Path) -> dict[str, bytes]:
    files = [path.parent.rglob("*") for path in finished(out)]
    return {
        p.relative_to(out).as_posix(): p.read_bytes() for f in files for p in f if p.is_file() and p.name not in TIMED
    }


def spoil(out: Path, rng: random.Random) -> Path | None:
    """Change one bit of one file of a step that nothing else depends on but the metrics."""
    found = sorted(path for path in out.rglob("predictions-*.jsonl") if not path.parent.name.startswith("."))
    if not found:
        return None
    victim = rng.choice(found)
    data = bytearray(victim.read_bytes())
    data[rng.randrange(len(data))] ^= 1
    victim.write_bytes(data)
    return victim


def main() -> int:
    options = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--model", help="model folder, by default the mini model")
    options.add_argument("--limit", type=int, default=24, help="questions of each split")
    options.add_argument("--notebooks", default="01,05")
    options.add_argument("--seed", type=int, default=0, help="of the moments")
    options.add_argument("--stand-in", action="store_true", help="steps that take a moment")
    given = options.parse_args()
    command = STAND_INS if given.stand_in else COMMAND
    keys = {"limit": given.limit, "notebooks": given.notebooks.split(",")} | (
        {"model": given.model} if given.model else {}
    )
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="many-kills-") as folder:
        grid, began = write_grid(Path(folder, "undisturbed"), **keys), time.monotonic()
        whole(grid, command)
        seconds = time.monotonic() - began
        expected, table = content(grid.parent / "out"), (grid.parent / "out" / "results.csv").read_bytes()
        print(f"undisturbed: {seconds:.0f} s, {len(expected)} files", flush=True)
        kills = rounds = spoilt = 0
        while kills < given.kills:
            rounds += 1
            grid = write_grid(Path(folder, f"round{rounds}"), **keys)
            out, victim, known = grid.parent / "out", None, dict[Path, int]()
            for attempt in range(1000):
                was_killed = kill_after(start(grid, command=command), rng.uniform(0.1, seconds / 4))
                kills += was_killed
                broken = [path for path in half_written(out) if victim is None or path != victim.parent]
                assert not broken, broken
                now = finished(out)
                again = [path for path, when in known.items() if now.get(path) != when and "metrics" not in path.parts]
                assert not [path for path in again if victim is None or path.parent != victim.parent], again
                known = now
                if not was_killed or kills >= given.kills:
                    break
                if victim is None and attempt >= 3:
                    victim = spoil(out, rng)
                    spoilt += victim is not None
            whole(grid, command)
            assert content(out) == expected and (out / "results.csv").read_bytes() == table
            print(f"round {rounds}: {kills} kills so far, {spoilt} files spoilt; the same results", flush=True)
    print(json.dumps({"kills": kills, "rounds": rounds, "spoilt": spoilt, "seconds": round(time.monotonic() - began)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
