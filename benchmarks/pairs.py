"""Ways of doing the same work, timed in turns in one run, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MARK = "@reply "  # see `benchmarks.worker`
CLONE = Path(__file__).resolve().parents[1]


class Worker:
    """A process that holds a model, with the package of a clone."""

    def __init__(self, clone: Path, model: str, threads: int) -> None:
        path = os.pathsep.join(filter(None, [str(clone), os.environ.get("PYTHONPATH")]))
        variables = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), model, str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, env=variables, text=True, **pipes)

    def ask(self, request: dict) -> dict:
        """One request and its reply, see `benchmarks.worker`."""
        print(json.dumps(request), file=self.process.stdin, flush=True)
        for line in self.process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
        sys.exit(f"{' '.join(self.process.args)}: ended with status {self.process.wait()}")

    def close(self) -> None:
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


class Way:
    """One way to do the work: who does it, how, and what it came to."""

    def __init__(self, worker: Worker, job: str, **options) -> None:
        self.worker, self.request = worker, {"job": job, **options}
        self.seconds = {"wall_s": 0.0, "processor_s": 0.0}
        self.rows: list[list] = []
        self.peak_mib = 0.0

    def go_on(self, texts: Sequence[str]) -> None:
        """Do a part of the work."""
        reply = self.worker.ask({**self.request, "texts": list(texts)})
        self.seconds = {clock: seconds + reply[clock] for clock, seconds in self.seconds.items()}
        self.rows += reply["rows"]
        self.peak_mib = reply["peak_mib"]


def measure(texts: Sequence[str], ways: dict[str, Way], block: int) -> dict:
    """Let every way do every block of the texts, one after another in changing order; each warms up before.

    Returns:
        Seconds and peak memory of each, and how many times as fast as each of the others the first one is.
    """
    for way in ways.values():
        way.worker.ask({**way.request, "texts": list(texts[: min(block, 8)])})
    for turn, start in enumerate(range(0, len(texts), block)):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            ways[name].go_on(texts[start : start + block])
    report: dict = {"texts": len(texts)}
    for name, way in ways.items():
        report[name] = {clock: round(seconds, 2) for clock, seconds in way.seconds.items()}
        report[name] |= {"texts_per_s": round(len(texts) / way.seconds["wall_s"], 2), "peak_mib": round(way.peak_mib)}
    first, *others = ways
    for name in others:
        report[f"{first}_against_{name}"] = {
            "times_as_fast": round(ways[name].seconds["wall_s"] / ways[first].seconds["wall_s"], 2),
            "times_as_fast_by_processor": round(
                ways[name].seconds["processor_s"] / ways[first].seconds["processor_s"], 2
            ),
            **differences(ways[first].rows, ways[name].rows),
        }
    return report


def differences(some: list[list], others: list[list]) -> dict[str, float]:
    """Share of answers in the same words, and of those the largest difference of confidences and of P(sure)."""
    alike = [(one, other) for one, other in zip(some, others, strict=True) if one[0] == other[0]]
    pairs = [(one[column], other[column]) for one, other in alike for column in (1, 2)]
    largest = max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0.0)
    return {"same_answers": round(len(alike) / len(some), 4), "largest_difference": float(f"{largest:.1e}")}
