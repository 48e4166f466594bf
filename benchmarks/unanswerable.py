"""What is refused of questions that have no answer, over seeds 0, 1 and 2: ``python -m benchmarks.unanswerable``.

Tunes on the five mini twins (the models of `multitask`, shared under ``--out``), asks the twins of SelfAware,
FalseQA and NEC. Writes ``results/mini/unanswerable.json``, which notebook 07 reads. Finished steps are reused.
"""

from __future__ import annotations

from benchmarks.over_seeds import main
from rtuning_helpers.unanswerable_seeds import record

if __name__ == "__main__":
    main(__doc__, record)
