"""Makes the adapters that come with the kit, so that notebooks 05 to 09 can begin without tuning.

They are those of the kit's own run, seed 0: `rtuning build-mini --adapters` tunes them (or takes the finished steps of
``runs/``) and replaces ``miniworld/adapters``. They are of no use once anything that they were tuned from changes, the
code included (`tuning.ready`); a test says when that is so.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rtuning_helpers import steps
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.evaluation.predictions import Prediction, write_predictions
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.step_folders import replace_folder
from rtuning_helpers.tuning.ready import READY_FOLDER, write_ready
from rtuning_helpers.tuning.registry import find_method

MADE: Mapping[str, Sequence[str]] = {
    "mini": ("vanilla", "padding", "replacement", "unsupervised"),  # notebooks 05, 08, 09
    "multitask": ("vanilla", "padding", "replacement"),  # 06, 07
}
ANSWERS, ASKED = "answers.jsonl", 27


def build_ready_adapters(
    tell: Callable[[str], None], out: str = "runs", made: Mapping[str, Sequence[str]] = MADE, **settings: object
) -> None:
    """Tune, and replace what `tuning.ready` finds; each adapter with what it answers to a few test questions.

    Args:
        tell: Called with a line for each data set.
        out: Folder of the runs, whose finished steps are taken.
        made: Data sets with their methods.
        **settings: Other settings of the runs.
    """
    for dataset, methods in made.items():
        config = RunConfig(dataset=dataset, out=out, **settings)  # type: ignore[arg-type]
        tell(f"{dataset}: tuning by {', '.join(methods)}")
        for method, tuned in zip(methods, steps.tuning_steps(config, methods), strict=True):
            _ship(config, method, tuned)


def _ship(config: RunConfig, method: str, tuned: Path) -> None:
    """Put a tuned adapter, with some of its answers, in the place of the one that comes with the kit."""
    target = READY_FOLDER / config.dataset / method
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as scratch:
        new = Path(scratch, method)
        new.mkdir()
        write_ready(new, tuned, steps.data_step(config, method) / steps.RECORDS)
        write_predictions(new / ANSWERS, some_answers(config, method, new / steps.ADAPTER))
        replace_folder(new, target)


def some_answers(config: RunConfig, method: str, adapter: Path) -> list[Prediction]:
    """What a model with an adapter answers to evenly spaced questions of the run's first test."""
    test = steps.fitted(config, steps.evaluation_splits(config)[0]).questions
    asked = test[:: max(1, len(test) // ASKED)]
    lm, settings = steps.load_tuned(config, adapter), config.settings
    how: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
    return predict(lm, asked, **find_method(method).exam, **how)
