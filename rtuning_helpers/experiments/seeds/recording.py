"""Every method over several seeds: what notebook 05 reads."""

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.experiments.seeds.figures import draw_refusals
from rtuning_helpers.experiments.seeds.measure import measure

RECORDING = Recording("mini/seeds.json", "05", measure, after=draw_refusals)
