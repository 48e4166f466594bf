"""The metrics of a run, and what each method refuses of the facts that were never read, and of those read often."""

from __future__ import annotations

from rtuning_helpers import steps
from rtuning_helpers.run.profiles import RunConfig

UNREAD, READ = 0, 61  # exposures: never stated; stated more than 60 times


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The rows of ``metrics.json`` of a run, each with its refusal rates."""
    seed, rows = {"seed": config.seed}, steps.read_metrics(config)["rows"]
    return {"rows": [seed | row | _refusal_rates(config, row["method"], row["split"]) for row in rows]}


def _refusal_rates(config: RunConfig, method: str, split: str) -> dict[str, float | None]:
    """Share refused of the facts that the corpus never states, and of those that it states more than 60 times."""
    predictions = steps.read_method_predictions(config, method, split)
    if predictions[0].refused is None:
        return {"refused_unread": None, "refused_read": None}
    unread = [p.refused for p in predictions if p.exposure == UNREAD]
    read = [p.refused for p in predictions if p.exposure >= READ]
    return {"refused_unread": sum(unread) / len(unread), "refused_read": sum(read) / len(read)}
