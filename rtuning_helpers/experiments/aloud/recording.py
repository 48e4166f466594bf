"""Two-hop questions over several seeds: what notebook 15 reads."""

from rtuning_helpers.experiments.recording import Recording
from rtuning_helpers.run.profiles import RunConfig


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """All tables of one run."""
    from rtuning_helpers.experiments.aloud import tables
    from rtuning_helpers.experiments.aloud.measure import ARMS, HOP_BY_HOP, read_walks, tuning_steps

    tuning_steps(config)
    walks = {arm: read_walks(config, arm) for arm in ARMS}
    found = {
        "rankings": tables.ranking_rows(walks),
        "cells": tables.cell_rows(walks),
        "weakest": tables.weakest_rows(walks, HOP_BY_HOP),
    }
    return {name: [{"seed": config.seed} | row for row in rows] for name, rows in found.items()}


RECORDING = Recording("mini/aloud.json", "15", measure, (RunConfig(dataset="mini-two-hops"),))
