"""The command line of the benchmarks that record something over seeds."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig


def main(description: str, record: Callable[[Sequence[RunConfig]], Path]) -> None:
    """Measure the mini model's runs of the given seeds, record, say where."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated seeds")
    parser.add_argument("--out", default="runs", help="folder for the runs")
    options = parser.parse_args()
    print(f"written: {shown_path(record([RunConfig(seed=int(s), out=options.out) for s in options.seeds.split(',')]))}")
