"""The model of a run."""

import warnings
from pathlib import Path
from typing import Any

from rtuning_helpers.model.language_model import LanguageModel, load_language_model
from rtuning_helpers.run.profiles import RunConfig


def load_tuned(config: RunConfig, adapter: Path | None) -> LanguageModel:
    """The run's model with an adapter, or without one."""
    settings = config.settings
    with warnings.catch_warnings():  # peft calls transformers by names that are about to change
        warnings.simplefilter("ignore", FutureWarning)
        how: dict[str, Any] = {"revision": settings.revision, "dtype": settings.dtype, "four_bit": settings.four_bit}
        return load_language_model(settings.model, **how, adapter=adapter)
