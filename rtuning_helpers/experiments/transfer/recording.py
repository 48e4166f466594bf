"""Tuned on five tasks, on one, on all but one, over several seeds: what notebook 06 reads."""

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.experiments.transfer.measure import measure
from rtuning_helpers.run.profiles import MIXTURE, RunConfig

RECORDING = Recording("mini/multitask.json", "06", measure, (RunConfig(dataset=MIXTURE),))
