"""Run every method over seeds on a mini model of real questions and record the metrics.

First ``rtuning build-mini --questions DIR --out MODEL``, then ``python -m benchmarks.real_questions MODEL``. Writes
``results/pararel-mini/seeds.json``: numbers only, no question. Finished runs are reused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.seeds import refusal_rates
from rtuning_helpers import steps
from rtuning_helpers.experiments.seeds import over_seeds
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.miniworld.build import TRAINING_RECORD
from rtuning_helpers.miniworld.build_questions import QUESTIONS
from rtuning_helpers.model.language_model import model_revision
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig, default_out

RECORDING = Path("results") / "pararel-mini" / "seeds.json"


def main() -> None:
    """Run, record, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder that rtuning build-mini --questions wrote")
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated seeds")
    parser.add_argument("--out", default="runs", help="folder for the runs")
    options = parser.parse_args()
    model = options.model.resolve()
    configs = [
        RunConfig(dataset="pararel", seed=int(s), data_dir=str(model / QUESTIONS), model=str(model), out=options.out)
        for s in options.seeds.split(",")
    ]
    rows = []
    for config in configs:
        for row in steps.read_metrics(config)["rows"]:
            rows.append({"seed": config.seed, **row, **refusal_rates(config, row["method"], row["split"])})
        print(f"seed {config.seed} done", flush=True)
    probes = steps.read_probes(configs[0])
    certain = [probe.correct for probe in probes]
    path = default_out() / RECORDING
    path.parent.mkdir(parents=True, exist_ok=True)
    recording = {
        "schema_version": 1,
        "profile": configs[0].profile,
        "dataset": "pararel",
        "model_revision": model_revision(str(model)),
        "training": read_json(model / TRAINING_RECORD),
        "certain": sum(certain),
        "uncertain": len(certain) - sum(certain),
        "certain_unread": sum(probe.correct and probe.exposure == 0 for probe in probes),
        "rows": rows,
    }
    write_json(path, recording)
    print(over_seeds(rows).table.to_string())
    print(f"D1 {recording['certain']:,}, D0 {recording['uncertain']:,}")
    print(f"written: {shown_path(path)}")


if __name__ == "__main__":
    main()
