"""Run every method over seeds 0, 1 and 2 on the mini model and record the metrics: ``python -m benchmarks.seeds``.

Writes ``results/mini/seeds.json``, which notebook 05 reads, and ``results/mini/refusals.png``, the README's picture.
Finished runs are reused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rtuning_helpers import steps
from rtuning_helpers.experiments.seeds import RECORDING, over_seeds
from rtuning_helpers.figures import plots
from rtuning_helpers.json_files import write_json
from rtuning_helpers.metrics.exposure import rate_by_exposure
from rtuning_helpers.model.language_model import model_revision
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig, default_out

UNREAD, READ = 0, 61  # exposures: never stated; stated more than 60 times


def refusal_rates(config: RunConfig, method: str, split: str) -> dict[str, float | None]:
    """Share refused of the facts that the corpus never states, and of those that it states more than 60 times."""
    predictions = steps.read_method_predictions(config, method, split)
    if predictions[0].refused is None:
        return {"refused_unread": None, "refused_read": None}
    unread = [p.refused for p in predictions if p.exposure == UNREAD]
    read = [p.refused for p in predictions if p.exposure >= READ]
    return {"refused_unread": sum(unread) / len(unread), "refused_read": sum(read) / len(read)}


def draw_refusals(configs: list[RunConfig], path: Path) -> None:
    """What the untuned model gets right and what the tuned ones refuse, by exposure, all seeds together."""
    plots.use_style()
    curves = {}
    outcomes = {"pretrained": "correct", "padding": "refused", "replacement": "refused"}
    for method, outcome in outcomes.items():
        found = [p for c in configs for split in ("id", "ood") for p in steps.read_method_predictions(c, method, split)]
        curves[method] = rate_by_exposure([p.exposure for p in found], [getattr(p, outcome) for p in found])
    fig, ax = plots.rate_by_exposure(curves, "share of the questions [%]", "It refuses what it has not read")
    labels = ["untuned: answered right", "padding: says it is unsure", "replacement: refuses in words"]
    ax.legend(ax.get_legend_handles_labels()[0], labels, frameon=False, loc="center right")
    fig.savefig(path, dpi=120)


def main() -> None:
    """Run, record, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated seeds")
    parser.add_argument("--out", default="runs", help="folder for the runs")
    options = parser.parse_args()
    configs = [RunConfig(seed=int(seed), out=options.out) for seed in options.seeds.split(",")]
    rows = []
    for config in configs:
        for row in steps.read_metrics(config)["rows"]:
            rows.append({"seed": config.seed, **row, **refusal_rates(config, row["method"], row["split"])})
        print(f"seed {config.seed} done", flush=True)
    path = default_out() / RECORDING
    path.parent.mkdir(parents=True, exist_ok=True)
    revision = model_revision("mini")
    write_json(
        path, {"schema_version": 1, "profile": "mini", "dataset": "mini", "model_revision": revision, "rows": rows}
    )
    draw_refusals(configs, path.with_name("refusals.png"))
    print(over_seeds(rows).table.to_string())
    print(f"written: {shown_path(path)}")


if __name__ == "__main__":
    main()
