"""What probing takes with more questions: ``python -m benchmarks.scaling [--model NAME] [--data-dir DIR]``.

The step of notebook 01, from the file of questions to that of probes, is done with 270, four times and sixteen times as
many different questions (more than a batch each), in a process of its own; of several rounds the least is taken. Asked
are the mini world's questions in ParaRel's layout, or ParaRel's training questions. Prints JSON: seconds of wall clock
and of processor, loading the model included; peak resident memory [MiB], and what it was before the step; seconds a
question from one size to the next; and what must stay near 1: memory of the largest against the smallest, and seconds a
question at the end against those at the beginning.
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

from rtuning_helpers import steps
from rtuning_helpers.data.datasets.pararel import FILES
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.json_files import write_json
from rtuning_helpers.run.profiles import RunConfig

QUESTIONS, TIMES = 270, (1, 4, 16)
MIB = 1024  # of what getrusage counts in
DATA = "pararel"


def rows(data_dir: Path | None) -> list[list[str]]:
    """As many questions as are needed at most, as rows of ParaRel's files; relations are mixed."""
    if data_dir is not None:
        asked = load_questions(DATA, "train", data_dir)
    else:
        asked = [q for split in ("train", "id", "ood") for q in load_questions("mini", split)]
    most = QUESTIONS * TIMES[-1]
    chosen = [asked[number * len(asked) // most] for number in range(most)]
    return [[q.question, q.answer, q.relation] for q in chosen]


def probe(model: str, folder: str) -> dict[str, float]:
    """Do the step in this process."""
    config = RunConfig(dataset=DATA, data_dir=folder, model=model, out=f"{folder}/runs")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    wall, processor = time.perf_counter(), time.process_time()
    probes = steps.read_probes(config)
    used = {"wall_s": time.perf_counter() - wall, "processor_s": time.process_time() - processor}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    return {"questions": len(probes), **used, "before_mib": before, "peak_mib": peak}


def measured(model: str, asked: list[list[str]], times: int) -> dict[str, float]:
    """Do the step with every so many-th question, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_json(Path(folder) / FILES["train"], asked[:: TIMES[-1] // times])
        command = [sys.executable, "-m", "benchmarks.scaling", "--model", model, "--step", folder]
        done = subprocess.run(command, capture_output=True, text=True, env={"OMP_NUM_THREADS": "1", **os.environ})
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def report(sizes: list[dict[str, float]]) -> dict:
    """All that was measured, and how it grows from the smallest size to the largest."""
    found: dict = {"sizes": [{name: round(value, 2) for name, value in size.items()} for size in sizes]}
    for kind in ("wall_s", "processor_s"):
        pairs = list(zip(sizes, sizes[1:], strict=False))
        each = [(b[kind] - a[kind]) / (b["questions"] - a["questions"]) for a, b in pairs]
        found[f"ms_a_question_{kind.removesuffix('_s')}"] = [round(1000 * seconds, 3) for seconds in each]
        found[f"growth_of_{kind.removesuffix('_s')}"] = round(each[-1] / each[0], 3)
    found["growth_of_peak_memory"] = round(sizes[-1]["peak_mib"] / sizes[0]["peak_mib"], 3)
    return found


def main() -> None:
    """Measure all sizes, one after the other, round by round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--data-dir", type=Path, help="ParaRel's files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(probe(options.model, options.step)))
        return
    asked = rows(options.data_dir)
    taken = [[measured(options.model, asked, times) for times in TIMES] for _ in range(options.rounds)]
    least = [{name: min(size[name] for size in found) for name in found[0]} for found in zip(*taken, strict=True)]
    print(json.dumps({"model": options.model, **report(least)}, indent=1))


if __name__ == "__main__":
    main()
