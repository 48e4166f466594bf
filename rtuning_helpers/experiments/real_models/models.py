"""Which models notebook 12 is about: the recorded ones, or that of a run."""

from rtuning_helpers.experiments.gemma3.recording import RECORDING as GEMMA
from rtuning_helpers.experiments.real_models.measure import measure
from rtuning_helpers.experiments.real_models.tables import Rows, unpack
from rtuning_helpers.experiments.smollm2.recording import RECORDING as SMOLLM
from rtuning_helpers.run.profiles import RunConfig


def is_recorded(config: RunConfig) -> bool:
    """Whether a run names nothing of its own, so that the recordings are read."""
    return config == RunConfig(seed=config.seed, out=config.out)


def read_models(config: RunConfig) -> dict[str, dict[str, Rows]]:
    """Each model's name with what it made of every question, as `tables.unpack` gives it; a live run's is measured."""
    if is_recorded(config):
        recorded = {"SmolLM2-135M": SMOLLM.content(), "Gemma-3-270M": GEMMA.content()}
    else:
        recorded = {config.settings.model.rstrip("/").rpartition("/")[2]: measure(config)}
    return {name: unpack(parts) for name, parts in recorded.items()}
