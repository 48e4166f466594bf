"""transformers' Trainer, made to go on where it was interrupted and to compute no more than is needed."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from transformers import Trainer
from transformers.trainer import TRAINER_STATE_NAME

from rtuning_helpers.model.device import default_device
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.tuning.checkpoint import read_checkpoint, save_checkpoint
from rtuning_helpers.tuning.encoding import IGNORED
from rtuning_helpers.tuning.label_loss import comes_last, is_plain, summed_loss

SAVE_SECONDS = 60.0  # from one checkpoint to the next, at least
SAVE_SHARE = 0.05  # of all the time, at most, goes into saving them
LIBRARIES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes")


def read_interrupted(place: Unfinished) -> dict[str, Any] | None:
    """What `ResumableTrainer` saved there, on this kind of device and with these libraries; else None."""
    found = read_checkpoint(place)
    return found if found is not None and found["made_with"] == _made_with() else None


def _made_with() -> list[str]:
    return [default_device().type, *(f"{library} {version(library)}" for library in LIBRARIES)]


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

    def _trained(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        return ((name, weight) for name, weight in cast(Any, self.model).named_parameters() if weight.requires_grad)

    def _maybe_log_save_evaluate(self, *arguments, **named):
        super()._maybe_log_save_evaluate(*arguments, **named)
        begin = time.perf_counter()
        if self.place is not None and begin >= self.save_from and self.state.global_step < self.state.max_steps:
            save_checkpoint(self.place, self._so_far())
            end = time.perf_counter()
            self.save_from = end + max(SAVE_SECONDS, (end - begin) / SAVE_SHARE)

    def _so_far(self) -> dict[str, Any]:
        on_gpu, scaler = self.args.device.type == "cuda", self.accelerator.scaler
        return {
            "made_with": _made_with(),
            "dtype": "bfloat16" if self.args.bf16 else "float16" if self.args.fp16 else "float32",
            "seconds": self._seconds(),
            "trainer": asdict(self.state),
            "weights": dict(self._trained()),
            "optimizer": cast(Any, self.optimizer).state_dict(),
            "scheduler": cast(Any, self.lr_scheduler).state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "random": {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if on_gpu else []},
            "not_logged": {"loss": self._tr_loss, "since": self._globalstep_last_logged},
        }

    # What Trainer calls to read its own files, when it goes on from a folder; here they are in memory already.

    def _load_from_checkpoint(self, *_):
        with torch.no_grad():
            for name, weight in self._trained():
                weight.copy_(self.interrupted["weights"][name])

    def _load_optimizer_and_scheduler(self, checkpoint):
        if checkpoint is not None:
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
        self.head = cast(Any, self.model).get_output_embeddings()
        self.in_pieces: bool | None = None  # the first batch shows whether the loss can be computed so

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels, kept = inputs.pop("labels"), inputs.pop("logits_to_keep")
        places = torch.arange(labels.shape[1] - kept, labels.shape[1], device=labels.device)
        wanted = labels[:, labels.shape[1] - kept + 1 :]
        if self.in_pieces is None:
            short = {name: rows[:1] for name, rows in inputs.items()} | {"logits_to_keep": places[-2:]}
            self.in_pieces = is_plain(self.head) and comes_last(self.head, lambda: model(**short))
        if self.in_pieces and not return_outputs:
            with self._loss_before_logits(wanted) as losses:
                outputs = model(**inputs, logits_to_keep=places)
            (total,) = losses
        else:  # places give one matrix product, a number gives one for each row
            outputs = model(**inputs, logits_to_keep=places)
            logits = outputs.logits[:, :-1].float()
            total = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum")
        loss = total / (wanted.ne(IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    @contextmanager
    def _loss_before_logits(self, wanted: torch.Tensor) -> Iterator[list[torch.Tensor]]:
        """Collect the loss of what the output layer reads meanwhile, and leave next to nothing for it to read."""
        losses: list[torch.Tensor] = []
        predicted = wanted.ne(IGNORED)

        def take(head, arguments):
            losses.append(summed_loss(head, arguments[0][:, :-1][predicted], wanted[predicted]))
            return (arguments[0][:1, :1],)

        handle = self.head.register_forward_pre_hook(take)
        try:
            yield losses
        finally:
            handle.remove()
