"""What each rule of certainty makes of a model, over several seeds: what notebook 10 reads."""

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import RunConfig


def measure_all(config: RunConfig) -> dict[str, list[dict]]:
    """The effects of every rule."""
    from rtuning_helpers.experiments.labels.measure import RULES, measure

    return {"rows": [row for rule in RULES for row in measure(config, rule)]}


RECORDING = Recording("mini/label_rules.json", "10", measure_all)
