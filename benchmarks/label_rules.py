"""What the rule that calls a question certain does to the tuned model, over seeds 0, 1 and 2.

``python -m benchmarks.label_rules`` writes ``results/mini/label_rules.json``, which notebook 10 reads. Finished
trainings are reused.
"""

from __future__ import annotations

import argparse

from rtuning_helpers.artifacts import shown_path
from rtuning_helpers.label_rules import record
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
