"""What every estimator is worth over seeds 0, 1 and 2: ``python -m benchmarks.estimators``.

Writes ``results/mini/estimators.json``, which notebook 09 reads. Finished steps are reused.
"""

from __future__ import annotations

from benchmarks.over_seeds import main
from rtuning_helpers.experiments.estimators.recording import record

if __name__ == "__main__":
    main(__doc__, record)
