"""Refusals of unanswerable questions over several seeds: what notebook 07 reads.

The models are tuned on five tasks, or on plain questions only (the models of notebooks 04 and 05).
"""

from dataclasses import asdict

from rtuning_helpers import steps
from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.experiments.unanswerable.measure import all_rows, asked_sets, category_rows, read_refusals
from rtuning_helpers.run.profiles import MIXTURE, RunConfig

METHODS = (steps.PRETRAINED, "vanilla", "padding", "replacement")
RUNS = {MIXTURE: METHODS, "mini": (steps.PRETRAINED, "padding", "replacement")}
"""What the models are tuned on -> the methods."""


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The rows of `measure.all_rows` and `measure.category_rows` of one run, on all sets."""
    found: dict[str, list[dict]] = {"rows": [], "categories": []}
    place = {"tuned_on": config.dataset, "seed": config.seed}
    for dataset in asked_sets(data_dir=config.data_dir).values():
        answers = {method: read_refusals(config, method, dataset) for method in RUNS[config.dataset]}
        found["rows"] += [place | asdict(row) for row in all_rows(answers, seed=config.seed)]
        for method, predictions in answers.items():
            for row in category_rows(method, predictions):
                found["categories"].append(place | row | {"refused": asdict(row["refused"])})
    return found


RECORDING = Recording("mini/unanswerable.json", "07", measure, tuple(RunConfig(dataset=name) for name in RUNS))
