"""What a profile leaves to the GPU that is there: 4 bits or 16, which 16, and how long examples may be.

These change results, so they depend on the GPU's whole memory, not on what is free, and stand in the key of every step.
How a batch is cut (`tuning.knobs`) changes none, and is chosen when a model is tuned.
"""

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rtuning_helpers.model.device import default_device, has_bfloat16, memory_gib
from rtuning_helpers.model.tuning_memory import SHAPES, Shape, activations_gib, shape_of, training_gib, weights_gib

if TYPE_CHECKING:
    from rtuning_helpers.run.profiles import Profile

USABLE = 0.85  # of a GPU's memory: a desktop, other programs, and what the estimate does not know take the rest
ROWS, TOKENS = 4, 256  # of a batch that is to fit, lest 16 bits leave room for tiny ones only
SHORTEST = 256  # tokens of the longest example


def fitted_to_gpu(profile: "Profile") -> "Profile":
    """A profile that leaves its tuning to the machine, decided for the GPU of this one; QLoRA where there is none.

    Raises:
        InputError: The model's configuration cannot be loaded.
    """
    device = default_device()
    if device.type == "cpu":
        return replace(profile, tuning="qlora")
    if device.type == "cuda" and not has_bfloat16():
        profile = replace(profile, dtype="float16")
    return _decided(profile, model_shape(profile.model, profile.revision), memory_gib(device), device.type == "cuda")


@lru_cache  # asked for many times in a run
def model_shape(model: str, revision: str | None) -> Shape:
    """The sizes of a model, from the kit's table or its configuration."""
    if model in SHAPES:
        return SHAPES[model]
    from rtuning_helpers.model.language_model import model_config  # transformers takes seconds

    return shape_of(model_config(model, revision))


def _decided(profile: "Profile", shape: Shape, memory: float, four_bit: bool) -> "Profile":
    def left(tuning: str, rows: int, tokens: int) -> float:
        trained, packed = shape.lora(profile.lora_rank), tuning == "qlora"
        held = weights_gib(
            total=shape.total, rounded=shape.linear, fused=0, trained=trained, dtype=profile.dtype, tuning=tuning,
            packed=packed,
        )  # fmt: skip
        how: dict[str, Any] = {"checkpointing": True, "attention": "sdpa", "packed": packed}
        passes = activations_gib(shape, rows, tokens, tokens, profile.dtype, **how)
        return USABLE * memory - held - training_gib(trained, profile.dtype, tuning, packed) - passes

    tuning = "qlora" if four_bit and left("lora", ROWS, TOKENS) < 0 else "lora"
    length = profile.max_length
    while length > SHORTEST and left(tuning, 1, length) < 0:
        length = max(SHORTEST, length // 2)
    return replace(profile, tuning=tuning, max_length=length)
