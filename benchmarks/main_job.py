"""``rtuning run`` of this clone and of another one: ``python -m benchmarks.main_job --against CLONE [--rounds N]``.

The two run alternately, each in a fresh folder, with this interpreter and its packages. Prints JSON: seconds in all
and by notebook, peak memory of the whole process tree (proportional set size, on Linux only, and resident), how many
times as fast each pair was, and every metric of both. With ``--avx2`` torch, oneDNN, MKL, and bitsandbytes where it
asks torch, do without AVX-512: an estimate of a processor that lacks it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch

CLONE = Path(__file__).resolve().parents[1]
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
LOOK_SECONDS = 0.5


def run(clone: Path, environment: dict[str, str]) -> dict:
    """One run of a clone: its times [s], its memory [MiB], its metrics."""
    module = "rtuning_helpers.app.cli" if (clone / "rtuning_helpers" / "app").is_dir() else "rtuning_helpers.cli"
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", module, "run", "--out", out]
        variables = {**os.environ, **environment, "PYTHONPATH": str(clone)}
        started, memory = time.time(), {"pss_mib": 0.0, "rss_mib": 0.0}
        process = subprocess.Popen(command, cwd=clone, env=variables, stdout=log, stderr=log)
        while process.poll() is None:
            used = tree_memory(process.pid)
            memory = {name: max(value, used[name]) for name, value in memory.items()}
            time.sleep(LOOK_SECONDS)
        seconds = time.time() - started
        if process.returncode:
            log.seek(0)
            sys.exit(f"{clone}: `rtuning run` failed\n{log.read().decode(errors='replace')}")
        results, ends, notebooks = Path(out) / "mini" / "mini", started, {}
        for path in sorted(results.glob("notebooks/seed0/*.ipynb")):  # each appears when it is done
            notebooks[path.stem] = round(path.stat().st_mtime - ends, 1)
            ends = path.stat().st_mtime
        rows = json.loads((results / "metrics" / "seed0" / "metrics.json").read_text(encoding="utf-8"))["rows"]
    return {"seconds": round(seconds, 1), "notebooks": notebooks, **memory, "rows": rows}


def tree_memory(pid: int) -> dict[str, float]:
    """Proportional and resident set size of a process and all that it started [MiB]."""
    used = {"pss_mib": 0.0, "rss_mib": 0.0}
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            found = process.memory_full_info()
            used["pss_mib"] += getattr(found, "pss", 0) / 2**20
            used["rss_mib"] += found.rss / 2**20
    except psutil.Error:  # one has just ended
        pass
    return used


def side_by_side(ours: list[dict], theirs: list[dict]) -> list[dict]:
    """Every metric of both, and whether each lies in the other's 95 % interval."""
    table = []
    for mine, other in zip(ours, theirs, strict=True):
        for name, interval in mine.items():
            metric = name.removesuffix("_ci95")
            if metric == name or interval is None or other[name] is None:
                continue
            values, (low, high) = (mine[metric], other[metric]), other[name]
            within = low <= values[0] <= high and interval[0] <= values[1] <= interval[1]
            place = {"method": mine["method"], "split": mine["split"], "metric": metric}
            table.append(place | {"this": values[0], "other": values[1], "within": within})
    return table


def main() -> None:
    """Run both, alternately."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, required=True, metavar="CLONE", help="the other clone")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each")
    parser.add_argument("--avx2", action="store_true", help="without AVX-512, as far as libraries can be told")
    options = parser.parse_args()
    environment = AVX2 if options.avx2 else {}
    runs = {"this": [], "other": []}
    for _ in range(options.rounds):
        for name, clone in (("other", options.against.resolve()), ("this", CLONE)):
            runs[name].append(run(clone, environment))
    pairs = list(zip(runs["this"], runs["other"], strict=True))
    report = {
        "processor": "AVX2" if options.avx2 else torch.backends.cpu.get_cpu_capability(),
        "cores": psutil.cpu_count(),
        **{name: [{k: v for k, v in r.items() if k != "rows"} for r in done] for name, done in runs.items()},
        "times_as_fast": [round(other["seconds"] / this["seconds"], 2) for this, other in pairs],
        "metrics": side_by_side(pairs[-1][0]["rows"], pairs[-1][1]["rows"]),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
