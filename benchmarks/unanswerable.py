"""What is refused of questions that have no answer, over seeds 0, 1 and 2: ``python -m benchmarks.unanswerable``.

Asks the twins of SelfAware, FalseQA and NEC, to models tuned on the five mini twins (``multitask``) and on plain
questions only (``mini``); all are shared with the other benchmarks and notebooks under ``--out``. Writes
``results/mini/unanswerable.json``, which notebook 07 reads. Finished steps are reused.
"""

from __future__ import annotations

from benchmarks.over_seeds import main
from rtuning_helpers.experiments.unanswerable.recording import record

if __name__ == "__main__":
    main(__doc__, record)
