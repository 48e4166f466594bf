"""Preference tuning with TRL's DPOTrainer, after a first stage on what is preferred.

Without the first stage a model that never refused has nothing to prefer: its refusals are all but impossible.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, Trainer, TrainerCallback

from rtuning_helpers.errors import InputError
from rtuning_helpers.model.language_model import load_tokenizer
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import Profile
from rtuning_helpers.tuning.encoding import encode_records
from rtuning_helpers.tuning.finetuning import TrainingLog
from rtuning_helpers.tuning.finetuning import finetune as finetune_on_completions
from rtuning_helpers.tuning.further import PairRecord
from rtuning_helpers.tuning.second_stage import check_two_stages, second_stage

FIRST_SHARE = 0.5  # of the passes go into the first stage
BETA = 0.1  # how far from the first stage's model the preferences may lead; TRL's default
SLOWER = 0.1  # learning rate of the second stage, as a share of the profile's


def finetune(
    records: Sequence[PairRecord],
    settings: Profile,
    out: Path,
    *,
    seed: int = 0,
    description: str = "dpo",
    place: Unfinished | None = None,
) -> TrainingLog:
    """As `finetuning.finetune`, in two stages; what was interrupted begins again.

    Raises:
        InputError: TRL is not installed, a rejected completion that does not fit into ``settings.max_length``, or as
            `second_stage.check_two_stages` and `finetuning.finetune`.
    """
    if find_spec("trl") is None:
        raise InputError("method dpo needs the library trl; expected it installed: pip install 'rtuning-helpers[dpo]'")
    check_two_stages(settings, "dpo")
    tokenizer = load_tokenizer(settings.model, settings.revision)
    encode_records(tokenizer, [replace(r, completion=r.other) for r in records], settings.max_length)
    how: dict[str, Any] = {"seed": seed, "description": description}
    first = replace(settings, epochs=settings.epochs * FIRST_SHARE)
    log = finetune_on_completions(records, first, out, **how)

    def make(model: PreTrainedModel, options: dict[str, Any], callbacks: list[TrainerCallback]) -> Trainer:
        import datasets
        from trl import DPOConfig, DPOTrainer

        datasets.disable_progress_bars()
        options |= {"learning_rate": settings.learning_rate * SLOWER, "beta": BETA, "max_length": settings.max_length}
        return DPOTrainer(
            model=model,
            args=DPOConfig(**options),
            train_dataset=datasets.Dataset.from_list([pair_of(record) for record in records]),
            processing_class=tokenizer,
            callbacks=callbacks,
        )

    with warnings.catch_warnings():  # TRL calls transformers by names that are about to change
        warnings.simplefilter("ignore", FutureWarning)
        return second_stage(make, log, settings, out, epochs=settings.epochs - first.epochs, **how)


def pair_of(record: PairRecord) -> dict[str, str]:
    """A record as TRL takes it; TRL puts the end of the sequence behind both."""
    return {
        "prompt": record.prompt,
        "chosen": record.completion + record.end,
        "rejected": record.other + record.end,
    }
