"""The device that models run on."""

import os

import torch

from rtuning_helpers import ranks
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.named_device import DEVICE


def default_device() -> torch.device:
    """The one that ``RTUNING_DEVICE`` names, else the first CUDA GPU, else the CPU.

    Of several processes that work together (`ranks`) each has a CUDA GPU of its own. Apple's GPU is taken only when it
    is named (``mps``): none of this was run on a Mac.

    Raises:
        InputError: The variable names no device, or one that is not here.
    """
    named = os.environ.get(DEVICE, "")
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if named and not here.get(named):
        there = ", ".join(name for name, found in here.items() if found)
        raise InputError(f"the variable {DEVICE} is {named!r}; expected one of what is here: {there}")
    kind = named or ("cuda" if here["cuda"] else "cpu")
    return torch.device(kind, ranks.local_number()) if kind == "cuda" and ranks.count() > 1 else torch.device(kind)


def has_bfloat16() -> bool:
    """Whether the CUDA GPU computes in bfloat16 itself; torch can imitate it on older ones, slowly."""
    return torch.cuda.is_bf16_supported(including_emulation=False)


def memory_gib(device: torch.device) -> float:
    """All memory of a GPU [GiB]; 0 for a CPU."""
    return _bytes_of(device)[1] / 2**30


def free_memory_gib(device: torch.device) -> float:
    """Memory of a GPU that a model could have now, what this process holds in reserve included [GiB]; 0 for a CPU."""
    return _bytes_of(device)[0] / 2**30


def _bytes_of(device: torch.device) -> tuple[int, int]:
    """Free bytes, and all."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device), total
    if device.type == "mps":
        most = torch.mps.recommended_max_memory()
        return most - torch.mps.driver_allocated_memory(), most
    return 0, 0


def peak_memory(device: torch.device) -> int | None:
    """The most memory of a GPU that tensors took [bytes]; of Apple's what they take now; None for a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return torch.mps.driver_allocated_memory() if device.type == "mps" else None
