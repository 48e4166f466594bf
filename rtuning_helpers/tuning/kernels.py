"""Which library multiplies float32 matrices while a model is tuned on a CPU, and which type it multiplies fastest."""

import contextlib
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch

ROWS, INNER, COLUMNS = 1024, 192, 512  # of the product that is tried: a layer of the mini model over a batch
REPEATS = 5
WORTH_IT = 0.8  # of the time: less is gained than may be lost elsewhere


@contextlib.contextmanager
def fastest_float32() -> Iterator[bool]:
    """Multiply float32 matrices by oneDNN in the place of MKL where that is faster and as exact; yields whether it is.

    On the AMD processor where this was measured MKL keeps to half the speed of AVX-512. torch takes oneDNN only where
    products may be rounded to bfloat16; a processor on which oneDNN does round stays with MKL.
    """
    settings: Any = getattr(torch.backends.mkldnn, "matmul", None)
    before = getattr(settings, "fp32_precision", None)  # not there before torch 2.9
    chosen = before is not None and _onednn_serves()
    if chosen:
        settings.fp32_precision = "bf16"
    try:
        yield chosen
    finally:
        if chosen:
            settings.fp32_precision = before


@cache
def fastest_type() -> str:
    """``"bfloat16"`` where this CPU multiplies matrices of it in clearly less time than of float32, else ``"float32"``.

    Tried once in a process, in a fraction of a second. Processors without instructions for it take several times as
    long.
    """
    left = torch.arange(ROWS * INNER).sin().view(ROWS, INNER)
    right = torch.arange(INNER * COLUMNS).cos().view(INNER, COLUMNS)
    with _one_thread():
        with fastest_float32():
            exact = min(_seconds(left, right) for _ in range(REPEATS))
        rounded = min(_seconds(left.bfloat16(), right.bfloat16()) for _ in range(REPEATS))
    return "bfloat16" if rounded < WORTH_IT * exact else "float32"


@cache
def _onednn_serves() -> bool:
    settings: Any = getattr(torch.backends.mkldnn, "matmul")  # noqa: B009
    before = settings.fp32_precision
    left = torch.arange(ROWS * INNER).sin().view(ROWS, INNER)
    right = torch.arange(INNER * COLUMNS).cos().view(INNER, COLUMNS)
    exact = left.double() @ right.double()
    seconds, errors = {}, {}
    try:
        with _one_thread():
            for library in (before, "bf16"):
                settings.fp32_precision = library
                found = left @ right
                errors[library] = float((found - exact).abs().max() / exact.abs().max())
                seconds[library] = min(_seconds(left, right) for _ in range(REPEATS))
    finally:
        settings.fp32_precision = before
    return errors["bf16"] <= 2 * errors[before] + 1e-7 and seconds["bf16"] < WORTH_IT * seconds[before]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Threads that find no free core wait for each other, and what was measured is how long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    started = time.perf_counter()
    left @ right
    return time.perf_counter() - started
