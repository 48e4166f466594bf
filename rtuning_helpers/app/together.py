"""The runs of a grid by several processes together: what ``accelerate launch -m MODULE --config GRID.yaml`` does.

The file is that of ``rtuning batch``, and so is what is written: what is done here that command finds finished.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rtuning_helpers import ranks
from rtuning_helpers.app.batch_commands import read_plan
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.artifacts import shown_path

if TYPE_CHECKING:
    from rtuning_helpers.batch.grid import Grid

TUNING, EVALUATION = "tuning", "evaluation"
MODULES = {TUNING: "rtuning_helpers.tuning.finetuning", EVALUATION: "rtuning_helpers.evaluation.predict"}
WORDS = {
    TUNING: "Probe and tune the models of a grid's runs.",
    EVALUATION: "Ask the models of a grid's runs the test questions and score them; tune what is not tuned yet.",
}
FIRST_SPEAKS_SECONDS = 3.0


def main(what: str) -> int:
    """Exit status 0: done, 2: bad input, which the first process tells of in one line."""
    parser = argparse.ArgumentParser(prog=f"accelerate launch -m {MODULES[what]}", description=WORDS[what])
    parser.add_argument("--config", type=Path, required=True, metavar="GRID.yaml", help="as for rtuning batch")
    file = parser.parse_args().config
    try:
        grid, _, _ = read_plan(file)
        ranks.join()
        for folder in _do(what, grid):
            if ranks.is_first():
                print(shown_path(folder), flush=True)
        ranks.leave()
    except InputError as error:
        if os.environ.get("RANK", "0") != "0":
            time.sleep(FIRST_SPEAKS_SECONDS)  # where it has the same to say, it ends all others
        print(f"rtuning: error: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return 2
    return 0


def _do(what: str, grid: "Grid") -> Iterator[Path]:
    """Do what is missing; gives the folders of results."""
    from rtuning_helpers import steps

    for group in grid.groups:
        if what == TUNING:
            yield steps.probe_step(group.config)
            yield from steps.tuning_steps(group.config, group.methods)
        else:
            yield steps.metrics_step(group.config, group.methods)
