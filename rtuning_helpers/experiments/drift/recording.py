"""The questions watched over several seeds: what notebook 11 reads."""

import pandas as pd

from rtuning_helpers.experiments.drift.measure import ARMS, read_sightings
from rtuning_helpers.experiments.drift.tables import counted
from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import RunConfig


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """The counts of every arm, with five decimals."""
    tables = [counted(read_sightings(config, arm)).assign(seed=config.seed, arm=arm) for arm in ARMS]
    table = pd.concat(tables, ignore_index=True).round(5).astype(object)
    return {"rows": table.where(table.notna(), None).to_dict("records")}


RECORDING = Recording("mini/drift.json", "11", measure)
