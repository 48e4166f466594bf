"""How questions drift between known and unknown during fine-tuning, over seeds 0, 1 and 2.

``python -m benchmarks.drift`` writes ``results/mini/drift.csv``, which notebook 11 reads. Finished trainings are
reused.
"""

from __future__ import annotations

import argparse

from rtuning_helpers.artifacts import shown_path
from rtuning_helpers.drift import record
from rtuning_helpers.profiles import RunConfig


def main() -> None:
    """Measure, record, say where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated seeds")
    parser.add_argument("--out", default="runs", help="folder for the runs")
    options = parser.parse_args()
    print(f"written: {shown_path(record([RunConfig(seed=int(s), out=options.out) for s in options.seeds.split(',')]))}")


if __name__ == "__main__":
    main()
