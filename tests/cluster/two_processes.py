"""A run with the mini model by two processes against one by one: ``python tests/cluster/two_processes.py [--limit N]``.

Not a part of the test suite. Both probe, tune by padding (QLoRA, float32) and are scored, by the commands of the
README. Prints JSON: rows, those whose id, answer or any other value but a number differs, and the largest difference of
a number, for each file of rows; the same of the adapter and the losses. Exit status 1 if rows differ, or a number of a
row or a loss by more than 1e-4.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.torch import load_file

from rtuning_helpers.data.registry import load_questions

CLONE = Path(__file__).resolve().parents[2]
LAUNCH = ("-m", "accelerate.commands.launch", "--config_file", "workflow/accelerate/two-cpu-processes.yaml")
MODULES = ("rtuning_helpers.tuning.finetuning", "rtuning_helpers.evaluation.predict")
LIMIT = 1e-4


def run(folder: Path, limit: int, *launch: str) -> float:
    """Do the run; returns its wall time [s]."""
    folder.mkdir()
    grid = folder / "grid.yaml"
    grid.write_text(f"limit: {limit}\nmethod: padding\nout: {folder / 'runs'}\n", encoding="utf-8")
    started = time.perf_counter()
    for module in MODULES:
        subprocess.run([sys.executable, *launch, "-m", module, "--config", grid], cwd=CLONE, check=True, stdout=2)
    return time.perf_counter() - started


def rows(path: Path) -> list[dict]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def difference(one: dict, two: dict) -> float:
    """The largest difference of two rows' numbers."""
    return max((abs(value - two[name]) for name, value in one.items() if isinstance(value, float)), default=0.0)


def compared(one: Path, two: Path, limit: int) -> dict[str, dict]:
    """What differs, by file."""
    found: dict[str, dict] = {}
    for path in sorted(one.rglob("pr*.jsonl")):
        ours, theirs = rows(path), rows(two / path.relative_to(one))
        split = path.stem.partition("-")[2] or "train"
        asked = [question.id for question in load_questions("mini", split, limit=limit)]
        assert [row["id"] for row in ours] == asked, path
        same = [
            {k: v for k, v in row.items() if not isinstance(v, float)}
            == {k: v for k, v in other.items() if not isinstance(v, float)}
            for row, other in zip(ours, theirs, strict=True)
        ]
        largest = max(difference(row, other) for row, other in zip(ours, theirs, strict=True))
        name = path.relative_to(one).as_posix()
        found[name] = {"rows": len(theirs), "rows_that_differ": same.count(False), "largest_difference": largest}
    for path in one.rglob("adapter_model.safetensors"):
        weights, others = load_file(path), load_file(two / path.relative_to(one))
        largest = max(float((weight - others[name]).abs().max()) for name, weight in weights.items())
        found["adapter"] = {"weights": len(others), "largest_difference": largest}
        log, other = (
            json.loads((run / path.relative_to(one).parents[1] / "training.json").read_text()) for run in (one, two)
        )
        pairs = zip(log["losses"], other["losses"], strict=True)
        found["losses"] = {"steps": other["steps"], "largest_difference": max(abs(a[1] - b[1]) for a, b in pairs)}
    return found


def main() -> int:
    """Do both runs and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=400, help="questions of each split")
    limit = parser.parse_args().limit
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder, "one"), Path(folder, "two")
        seconds = {"one": round(run(one, limit), 1), "two": round(run(two, limit, *LAUNCH), 1)}
        found = compared(one / "runs", two / "runs", limit)
    print(json.dumps({"seconds": seconds, **found}, indent=1))
    predicted = [what for name, what in found.items() if name != "adapter"]
    failed = any(what["largest_difference"] > LIMIT or what.get("rows_that_differ", 0) for what in predicted)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
