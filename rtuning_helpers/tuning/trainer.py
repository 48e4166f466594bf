"""transformers' Trainer, made to go on where it was interrupted and to compute no more than is needed.

Several processes (`ranks`) take the steps of one: each computes its part of every batch. With FSDP each keeps a part of
the weights, too; what is saved is put together by all, and written by the first.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.data_loader import prepare_data_loader
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.trainer import TRAINER_STATE_NAME

from rtuning_helpers import ranks
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.device import default_device
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.tuning.checkpoint import read_checkpoint, save_checkpoint
from rtuning_helpers.tuning.encoding import IGNORED
from rtuning_helpers.tuning.shared_beginning import read_beginning

SAVE_SECONDS = 60.0  # from one checkpoint to the next, at least
SAVE_SHARE = 0.05  # of all the time, at most, goes into saving them
LIBRARIES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes")
# How FSDP's parts of trained weights become whole ones, in the memory of the first process, and the other way round.
_PUT_TOGETHER = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
_TAKEN_APART = StateDictOptions(full_state_dict=True, ignore_frozen_params=True, strict=False)


def read_interrupted(place: Unfinished) -> dict[str, Any] | None:
    """What `ResumableTrainer` saved there, on this kind of device and with these libraries; else None."""
    found = read_checkpoint(place)
    found = found if found is not None and found["made_with"] == _made_with() else None
    steps = ranks.gathered(None if found is None else found["trainer"]["global_step"])
    return found if len(set(steps)) == 1 else None  # or not all of several processes have found it


def _made_with() -> list[str]:
    together = [f"{ranks.count()} processes"] if ranks.count() > 1 else []
    return [default_device().type, *together, *(f"{library} {version(library)}" for library in LIBRARIES)]


def shared_batches(batch_size: int, accumulation: int) -> tuple[int, int]:
    """Examples of one forward pass of all processes, and passes of one optimiser step: that of one process, faster.

    Args:
        batch_size: Examples in one forward pass of one process, at most.
        accumulation: Forward passes that one process alone takes for an optimiser step.

    Raises:
        InputError: There are more processes than examples in an optimiser step.
    """
    whole, count = batch_size * accumulation, ranks.count()
    if count > whole:
        raise InputError(f"{count} processes were started for steps of {whole} examples; expected {whole} at most")
    passes = next(n for n in range(1, whole + 1) if whole % n == 0 and whole // n <= batch_size * count)
    return whole // passes, passes


def own_part(rows: Sequence[dict[str, list[int]]]) -> Sequence[dict[str, list[int]]]:
    """The rows of a batch that this process computes; where there is none, one in which nothing is to be predicted."""
    nothing = {"input_ids": rows[0]["input_ids"][:1], "labels": [IGNORED]}
    return rows[ranks.number() :: ranks.count()] or [nothing]


class ResumableTrainer(Trainer):
    """Trainer that saves about once a minute how far it has come, and goes on from there with the same result.

    Trainer's own checkpoints are pickled, and the loss that they had seen since the last entry of the log is lost.
    """

    def __init__(
        self, *, place: Unfinished | None = None, interrupted: dict[str, Any] | None = None, **options
    ) -> None:
        """
        Args:
            place: Where to save; nowhere by default.
            interrupted: What to go on from, as `read_interrupted` found it.
            **options: Those of Trainer.
        """
        super().__init__(**options)
        self.place, self.interrupted = place, interrupted
        self.seconds_before = interrupted["seconds"] if interrupted else 0.0

    def go(self) -> float:
        """Train to the end; returns the wall time of all that led to the result, earlier calls included [s]."""
        self.started = time.perf_counter()
        self.save_from = self.started + SAVE_SECONDS
        if self.interrupted is None:
            self.train()
        else:
            folder = Path(str(self.args.output_dir))  # of which Trainer reads this one file itself
            (folder / TRAINER_STATE_NAME).write_text(json.dumps(self.interrupted["trainer"]), encoding="utf-8")
            self.train(resume_from_checkpoint=str(folder))
        return self._seconds()

    def _seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.started

    def get_train_dataloader(self) -> DataLoader:
        """Batches of all processes, which are those of one; `own_part` is what this one takes of each."""
        if ranks.count() == 1:
            return super().get_train_dataloader()
        sampler, pinned = cast(Any, self)._get_train_sampler(), self.args.dataloader_pin_memory
        how: dict[str, Any] = {"sampler": sampler, "collate_fn": self.data_collator, "pin_memory": pinned}
        batches = DataLoader(cast(Any, self.train_dataset), self.args.train_batch_size, **how)
        return prepare_data_loader(batches, num_processes=1, process_index=0, use_seedable_sampler=True)

    def tuned_weights(self) -> dict[str, torch.Tensor]:
        """The weights that are trained; with FSDP put together from all processes, all of which call this."""
        if not self.is_fsdp_enabled:
            return dict(self._trained())
        return cast(dict[str, torch.Tensor], get_model_state_dict(self._whole_model, options=_PUT_TOGETHER))

    @property
    def _whole_model(self) -> torch.nn.Module:
        return cast(torch.nn.Module, self.model)

    def _trained(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        return ((name, weight) for name, weight in cast(Any, self.model).named_parameters() if weight.requires_grad)

    def _maybe_log_save_evaluate(self, *arguments, **named):
        super()._maybe_log_save_evaluate(*arguments, **named)
        if self.place is None:
            return
        begin = time.perf_counter()
        if ranks.decided(lambda: begin >= self.save_from and self.state.global_step < self.state.max_steps):
            so_far = self._so_far()
            if ranks.is_first():
                save_checkpoint(self.place, so_far)
            end = time.perf_counter()
            self.save_from = end + max(SAVE_SECONDS, (end - begin) / SAVE_SHARE)

    def _so_far(self) -> dict[str, Any]:
        on_gpu, scaler = self.args.device.type == "cuda", self.accelerator.scaler
        return {
            "made_with": _made_with(),
            "dtype": "bfloat16" if self.args.bf16 else "float16" if self.args.fp16 else "float32",
            "seconds": self._seconds(),
            "trainer": asdict(self.state),
            "weights": self.tuned_weights(),
            "optimizer": self._optimizer_state(),
            "scheduler": cast(Any, self.lr_scheduler).state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "random": {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if on_gpu else []},
            "not_logged": {
                "loss": self.accelerator.gather(self._tr_loss).mean(),
                "since": self._globalstep_last_logged,
            },
        }

    def _optimizer_state(self) -> dict[str, Any]:
        if not self.is_fsdp_enabled:
            return cast(Any, self.optimizer).state_dict()
        own = cast(Any, self.optimizer).optimizer
        return cast(dict[str, Any], get_optimizer_state_dict(self._whole_model, own, options=_PUT_TOGETHER))

    # What Trainer calls to read its own files, when it goes on from a folder; here they are in memory already.

    def _load_from_checkpoint(self, *_):
        if self.is_fsdp_enabled:
            set_model_state_dict(self._whole_model, self.interrupted["weights"], options=_TAKEN_APART)
            return
        with torch.no_grad():
            for name, weight in self._trained():
                weight.copy_(self.interrupted["weights"][name])

    def _load_optimizer_and_scheduler(self, checkpoint):
        if checkpoint is not None:
            if self.is_fsdp_enabled:
                own, saved = self.optimizer.optimizer, self.interrupted["optimizer"]
                set_optimizer_state_dict(self._whole_model, own, saved, options=_TAKEN_APART)
            else:
                self.optimizer.load_state_dict(self.interrupted["optimizer"])
            self.lr_scheduler.load_state_dict(self.interrupted["scheduler"])

    def _load_scaler(self, checkpoint):
        if checkpoint is not None and self.interrupted["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(self.interrupted["scaler"])

    def _load_rng_state(self, checkpoint):
        """Called last, when the first batch lies ready."""
        if checkpoint is not None:
            torch.set_rng_state(self.interrupted["random"]["cpu"])
            if states := self.interrupted["random"]["cuda"]:
                torch.cuda.set_rng_state_all(states)
            self._tr_loss += self.interrupted["not_logged"]["loss"].to(self._tr_loss.device)
            self._globalstep_last_logged = self.interrupted["not_logged"]["since"]


class LabelTrainer(ResumableTrainer):
    """Trainer that computes the output layer only where a token is to be predicted: most of a small model's work."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.model_accepts_loss_kwargs = True  # the loss below is a mean over all batches of an optimiser step

    def loss_of(self, batch: dict[str, Any]) -> torch.Tensor:
        """The loss of one batch, as in training."""
        cast(Any, self.model).train()
        with self.compute_loss_context_manager():
            return self.compute_loss(self.model, self._prepare_inputs(batch))

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels, kept = inputs.pop("labels"), inputs.pop("logits_to_keep")
        places = torch.arange(labels.shape[1] - kept, labels.shape[1], device=labels.device)
        wanted = labels[:, labels.shape[1] - kept + 1 :]
        if "beginning" in inputs:
            inputs["past_key_values"] = read_beginning(model, inputs.pop("beginning"), len(labels))
        # places give one matrix product, a number gives one for each row
        outputs = model(**inputs, logits_to_keep=places)
        logits = outputs.logits[:, :-1].float()
        total = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum")
        # Of several processes, whose gradients are averaged, each has some of an optimiser step's tokens.
        count = wanted.ne(IGNORED).sum() if num_items_in_batch is None else num_items_in_batch / ranks.count()
        loss = total / count
        return (loss, outputs) if return_outputs else loss
