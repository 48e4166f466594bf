"""Tuned on five tasks, on one, on all but one, over several seeds: what notebook 06 reads."""

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import MIXTURE, RunConfig


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The whole experiment."""
    from rtuning_helpers.experiments.transfer.measure import measure as measure_all

    return measure_all(config)


RECORDING = Recording("mini/multitask.json", "06", measure, (RunConfig(dataset=MIXTURE),))
