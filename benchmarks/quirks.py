"""What each quirk of the released code does to the mini model, over seeds 0, 1 and 2: ``python -m benchmarks.quirks``.

Writes ``results/mini/quirks.json``, which notebook 08 reads. Finished trainings are reused. ``--seeds 1`` measures
one seed and keeps the others' rows.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import asdict

from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.language_model import model_revision
from rtuning_helpers.paper.released_code.effects import RECORDING, Effect, effects_table, measure_all, recorded_effects
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig, default_out


def report(effect: Effect) -> None:
    """One line for each measurement."""
    print(
        f"seed {effect.seed} {effect.method} {'+'.join(effect.flags) or 'no flag'}: certain {effect.certain:.3f}, "
        f"{effect.steps} steps, accuracy {effect.accuracy:.3f}, AP {effect.ap_mixed:.3f}",
        flush=True,
    )


def main() -> None:
    """Measure, record, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated seeds")
    parser.add_argument("--out", default="runs", help="folder for the runs")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)  # peft calls transformers by names that are about to change
    path, revision = default_out() / RECORDING, model_revision("mini")
    for seed in map(int, options.seeds.split(",")):
        rows = [asdict(effect) for effect in measure_all(RunConfig(seed=seed, out=options.out), report)]
        others = read_json(path)["rows"] if path.is_file() and read_json(path)["model_revision"] == revision else []
        rows = sorted([*(row for row in others if row["seed"] != seed), *rows], key=lambda row: row["seed"])
        write_json(
            path, {"schema_version": 1, "profile": "mini", "dataset": "mini", "model_revision": revision, "rows": rows}
        )
    print(effects_table(recorded_effects()).to_string())
    print(f"written: {shown_path(path)}")


if __name__ == "__main__":
    main()
