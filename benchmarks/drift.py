"""How questions drift between known and unknown during fine-tuning, over seeds 0, 1 and 2.

``python -m benchmarks.drift`` writes ``results/mini/drift.csv``, which notebook 11 reads. Finished trainings are
reused.
"""

from __future__ import annotations

from benchmarks.over_seeds import main
from rtuning_helpers.experiments.drift.measure import record

if __name__ == "__main__":
    main(__doc__, record)
