"""What the rule that calls a question certain does to the tuned model, over seeds 0, 1 and 2.

``python -m benchmarks.label_rules`` writes ``results/mini/label_rules.json``, which notebook 10 reads. Finished
trainings are reused.
"""

from __future__ import annotations

from benchmarks.over_seeds import main
from rtuning_helpers.experiments.labels.measure import record

if __name__ == "__main__":
    main(__doc__, record)
