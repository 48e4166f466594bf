"""Tuned on five tasks, on one, on all but one, over seeds 0, 1 and 2: ``python -m benchmarks.multitask``.

Writes ``results/mini/multitask.json``, which notebook 06 reads. Finished steps are reused, so that an interrupted
recording goes on where it stopped.
"""

from __future__ import annotations

from benchmarks.over_seeds import main
from rtuning_helpers.experiments.transfer.measure import record

if __name__ == "__main__":
    main(__doc__, record)
