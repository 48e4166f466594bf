"""The metrics of a run, and what each method refuses of the facts that were never read, and of those read often."""

from collections.abc import Sequence

import numpy as np

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.run.profiles import RunConfig

UNREAD, READ = 0, 61  # exposures: never stated; stated more than 60 times


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The rows of ``metrics.json`` of a run, each with its refusal rates."""
    rows = []
    for row in steps.read_metrics(config)["rows"]:
        predictions = steps.read_method_predictions(config, row["method"], row["split"])
        rows.append({"seed": config.seed, **row, **refusal_rates(predictions)})
    return {"rows": rows}


def refusal_rates(predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Share refused of the facts that the corpus never states, and of those that it states more than 60 times.

    None for a method that cannot refuse, and where nobody knows what the corpus states.
    """
    if any(p.refused is None or p.exposure is None for p in predictions):
        return {"refused_unread": None, "refused_read": None}
    refused, exposure = (np.array([getattr(p, name) for p in predictions]) for name in ("refused", "exposure"))
    return {
        "refused_unread": float(refused[exposure == UNREAD].mean()),
        "refused_read": float(refused[exposure >= READ].mean()),
    }
