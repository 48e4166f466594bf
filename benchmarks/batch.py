"""A grid by ``rtuning batch`` and by a loop of ``rtuning run``: ``python -m benchmarks.batch [--limit N]``.

The loop does one method and seed at a time in one folder, so it shares finished steps, too. Prints seconds, their
ratio, and by how much the same numbers differ, as JSON. The whole grid takes half an hour on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rtuning_helpers.tuning.registry import paper_methods

COMMAND = (sys.executable, "-m", "rtuning_helpers.app.cli")


def timed(*arguments: str) -> tuple[float, float]:
    """Run the command; wall seconds, and seconds of all processors."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, sum((after.ru_utime, after.ru_stime)) - sum((before.ru_utime, before.ru_stime))


def numbers(out: Path) -> dict[tuple, float]:
    """The accuracies and average precisions that lie in a folder of runs."""
    found = {}
    for path in out.rglob("metrics.json"):
        metrics = json.loads(path.read_text(encoding="utf-8"))
        for row in metrics["rows"]:
            for name in ("accuracy", "ap_answer"):
                found[metrics["seed"], row["method"], row["split"], name] = row[name]
    return found


def main() -> None:
    """Measure both."""
    options = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--methods", default=",".join(paper_methods()))
    options.add_argument("--seeds", default="0,1,2")
    options.add_argument("--limit", type=int, help="questions of each split")
    given = options.parse_args()
    methods, seeds = given.methods.split(","), [int(seed) for seed in given.seeds.split(",")]
    limit = [] if given.limit is None else ["--limit", str(given.limit)]
    with tempfile.TemporaryDirectory() as folder:
        grid = Path(folder, "grid.yaml")
        keys = {"out": str(Path(folder, "batch")), "method": methods, "seed": seeds}
        keys |= {"limit": given.limit} if limit else {}
        grid.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()), encoding="utf-8")
        batch = timed("batch", str(grid))
        loop, by_loop = (0.0, 0.0), dict[tuple, float]()
        for seed in seeds:
            for method in methods:
                out = str(Path(folder, "loop"))
                took = timed("run", "--methods", method, "--seed", str(seed), "--out", out, *limit)
                loop = loop[0] + took[0], loop[1] + took[1]
                by_loop |= numbers(Path(out))
        by_batch = numbers(Path(folder, "batch"))
        assert by_loop.keys() == by_batch.keys()
        difference = max(abs(by_batch[key] - value) for key, value in by_loop.items())
    print(
        json.dumps(
            {
                "runs": len(methods) * len(seeds),
                "cores": os.cpu_count(),
                "load_at_the_end": os.getloadavg()[0],
                "batch_seconds": round(batch[0], 1),
                "loop_seconds": round(loop[0], 1),
                "ratio": round(loop[0] / batch[0], 2),
                "batch_processor_seconds": round(batch[1], 1),
                "loop_processor_seconds": round(loop[1], 1),
                "largest_difference": difference,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
