"""The successors over several seeds: what notebook 14 reads."""

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import RunConfig


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The rows of `measure.score_rows`, `unknown_rows`, `reason_rows` and `quadrant_rows`, and what tuning took."""
    from rtuning_helpers import steps
    from rtuning_helpers.experiments.successors import measure as successors

    steps.tuning_steps(config, successors.METHODS)
    logs = {method: steps.read_training_log(config, method) for method in successors.METHODS}
    found = {
        "scores": successors.score_rows(config),
        "unknown": successors.unknown_rows(config),
        "reasons": successors.reason_rows(config),
        "quadrants": successors.quadrant_rows(config),
        "training": [{"method": method, "steps": log.steps, "examples": log.examples} for method, log in logs.items()],
    }
    return {name: [{"seed": config.seed} | _rounded(row) for row in rows] for name, rows in found.items()}


def _rounded(row: dict) -> dict:
    return {name: round(value, 5) if isinstance(value, float) else value for name, value in row.items()}


RECORDING = Recording("mini/successors.json", "14", measure, (RunConfig(dataset="mini-pararel"),))
