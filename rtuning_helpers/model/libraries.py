"""What transformers and its like say: one line of their errors, and none of their progress bars."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without its progress bar, and without its word on every unpacking."""
    from transformers.utils import logging as transformers_logging

    shown, verbosity = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if shown:
            transformers_logging.enable_progress_bar()


def reason(error: Exception) -> str:
    """The first line of an error, with the next one if it announces that; what it is where that says too little."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    return told if told and isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {told}"
