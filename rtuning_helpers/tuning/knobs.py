"""How a batch is cut so that tuning fits into the memory that is there; what is learnt does not depend on it."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from rtuning_helpers.model.device import free_memory_gib
from rtuning_helpers.model.tuning_memory import Shape, activations_gib, training_gib, weights_gib
from rtuning_helpers.run.profiles import Profile

RESERVE = 0.1  # of the free memory: what torch's allocator and kernels take, and what the estimate does not know
ENOUGH_TOKENS = 1024  # in one pass, with which a GPU is busy; below, more examples are worth computing layers twice


@dataclass(frozen=True)
class Knobs:
    """How an optimiser step's examples are read.

    Attributes:
        batch_size: Examples in one pass.
        accumulation: Passes in one optimiser step.
        checkpointing: Whether layers are computed again in the backward pass, in the place of being kept.
        attention: Name of the attention kernel, as transformers calls it.
    """

    batch_size: int
    accumulation: int
    checkpointing: bool
    attention: str

    def smaller(self) -> "Knobs | None":
        """The same step in less memory: half the examples in a pass, then checkpointing; None if there is no less."""
        if self.batch_size > 1:
            whole = self.batch_size * self.accumulation
            size = next(n for n in range(self.batch_size // 2, 0, -1) if whole % n == 0)
            return replace(self, batch_size=size, accumulation=whole // size)
        return None if self.checkpointing else replace(self, checkpointing=True)

    def __str__(self) -> str:
        again = "gradient checkpointing" if self.checkpointing else "no gradient checkpointing"
        return f"{self.batch_size} x {self.accumulation} examples a step, {again}, attention {self.attention}"


def choose_knobs(
    settings: Profile, shape: Shape, longest: int, predicted: int, room: float | None, attention: str
) -> Knobs:
    """The most examples in one pass that fit, of which the profile's optimiser step is made.

    Args:
        settings: Whose step has ``batch_size`` times ``accumulation`` examples.
        shape: The model's.
        longest: Length of the longest example [tokens].
        predicted: Tokens of an example that are predicted, at most.
        room: Memory for what passes keep [GiB]; None where it is not known: the profile's own numbers are taken then.
        attention: The kernel.
    """
    if room is None:
        return Knobs(settings.batch_size, settings.accumulation, False, attention)
    knobs = Knobs(settings.batch_size * settings.accumulation, 1, False, attention)
    whole = knobs.batch_size

    def fits(knobs: Knobs) -> bool:
        how: dict[str, Any] = {
            "checkpointing": knobs.checkpointing,
            "attention": attention,
            "packed": settings.four_bit,
        }
        return room >= activations_gib(shape, knobs.batch_size, longest, predicted, settings.dtype, **how)

    def most(knobs: Knobs | None) -> Knobs | None:
        while knobs and not fits(knobs):
            knobs = knobs.smaller() if knobs.batch_size > 1 else None
        return knobs

    kept, again = most(knobs), most(replace(knobs, checkpointing=True))
    if kept and (kept.batch_size == whole or kept.batch_size * longest >= ENOUGH_TOKENS):
        return kept
    return again or Knobs(1, whole, True, attention)


def room_after_loading(settings: Profile, trained: int, device: torch.device) -> float | None:
    """Memory that is left for passes when a model is loaded, on the device [GiB]; None on a CPU."""
    if device.type == "cpu":
        return None
    return (1 - RESERVE) * free_memory_gib(device) - training_gib(
        trained, settings.dtype, settings.tuning, settings.four_bit
    )


def room_before_loading(settings: Profile, shape: Shape, free: float) -> float:
    """The same, before anything is loaded into so much free memory [GiB]."""
    full, packed = settings.tuning == "full", settings.four_bit
    trained = shape.total if full else shape.lora(settings.lora_rank)
    how: dict[str, Any] = {"dtype": settings.dtype, "tuning": settings.tuning, "packed": packed}
    held = weights_gib(total=shape.total, rounded=shape.linear, fused=0, trained=trained, **how)
    return (1 - RESERVE) * free - held - training_gib(trained, **how)
