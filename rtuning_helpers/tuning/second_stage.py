"""What methods share that are tuned in two stages: on completions as all others first, then on in a way of their own.

Both stages together take as many passes over the questions as the profile has. Only adapters are tuned so.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from peft import load_peft_weights, set_peft_model_state_dict
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from rtuning_helpers import ranks
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.adapters import TUNED
from rtuning_helpers.model.libraries import quiet_transformers
from rtuning_helpers.model.model_names import parse_model
from rtuning_helpers.processes import memory_given_back
from rtuning_helpers.progress import progress_bar
from rtuning_helpers.run.profiles import Profile
from rtuning_helpers.tuning.finetuning import TrainingLog, load_trainable_model, tuning_type

MakeTrainer = Callable[[PreTrainedModel, dict[str, Any], list[TrainerCallback]], Trainer]
"""(model, options of its TrainingArguments, callbacks) -> what trains it."""


def check_two_stages(settings: Profile, method: str) -> None:
    """See to it that a profile's model can be tuned in two stages here.

    Raises:
        InputError: All weights are tuned, several processes do it, or the user brings an adapter.
    """
    if settings.tuning == "full":
        raise InputError(f"method {method} tunes LoRA, not all weights; expected another profile or method")
    if ranks.count() > 1:
        raise InputError(f"method {method} is tuned by one process; {ranks.count()} were started")
    if parse_model(settings.model).adapter is not None:
        raise InputError(f"method {method} tunes a model without an adapter; expected none, or another method")


@memory_given_back()
def second_stage(
    make: MakeTrainer,
    first: TrainingLog,
    settings: Profile,
    adapter: Path,
    *,
    epochs: float,
    seed: int,
    description: str,
) -> TrainingLog:
    """Go on from an adapter with another trainer, and save the result in its place.

    Args:
        make: Makes the trainer.
        first: What the first stage took.
        settings: Of the whole tuning; its learning rate is the trainer's to change.
        adapter: Folder of the first stage's adapter.
        epochs: Passes over what the trainer trains on.
        seed: Of the order of the examples.
        description: Text beside the progress bar.

    Returns:
        What both stages took together; losses of the second are those of its own kind.
    """
    set_seed(seed)
    model = load_trainable_model(settings)
    set_peft_model_state_dict(model, load_peft_weights(str(adapter), device="cpu"), adapter_name=TUNED)
    dtype, device, begin = tuning_type(settings), model.device, time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, quiet_transformers():
        progress = _Progress(description)
        options: dict[str, Any] = {
            "output_dir": scratch,
            "per_device_train_batch_size": settings.batch_size,
            "gradient_accumulation_steps": settings.accumulation,
            "num_train_epochs": epochs,
            "learning_rate": settings.learning_rate,
            "lr_scheduler_type": "linear",
            "fp16": dtype == "float16",
            "bf16": dtype == "bfloat16",
            "use_cpu": device.type == "cpu",
            "remove_unused_columns": False,
            "logging_steps": 0.05,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "dataloader_pin_memory": device.type == "cuda",
            "seed": seed,
        }
        with contextlib.closing(progress):
            trainer = make(model, options, [progress])
            trainer.remove_callback(PrinterCallback)
            trainer.train()
        model.save_pretrained(adapter, safe_serialization=True, selected_adapters=[TUNED])
    done, history = trainer.state.global_step, trainer.state.log_history
    losses = [(first.steps + int(entry["step"]), entry["loss"]) for entry in history if "loss" in entry]
    return replace(
        first,
        steps=first.steps + done,
        seconds=first.seconds + time.perf_counter() - begin,
        losses=[*first.losses, *losses],
    )


class _Progress(TrainerCallback):
    """One progress bar over all optimiser steps, gone when training is done."""

    def __init__(self, description: str) -> None:
        self.description, self.bar = description, progress_bar(0, None)

    def close(self) -> None:
        self.bar.close()

    def on_train_begin(self, args: TrainingArguments, state, control, **kwargs):
        self.bar = progress_bar(state.max_steps, self.description, "step")

    def on_step_end(self, args, state, control, **kwargs):
        self.bar.update(1)
