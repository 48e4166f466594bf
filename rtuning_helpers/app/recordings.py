"""The recordings of the experiments, found by their place: ``RECORDING`` in a folder's ``recording.py``."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rtuning_helpers.errors import InputError

if TYPE_CHECKING:
    from rtuning_helpers.experiments.recording import Recording

PACKAGE = Path(__file__).parents[1]


def recording_names() -> list[str]:
    """The names that `find_recording` knows: those of the experiments' folders."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/*/recording.py"))


def find_recording(name: str) -> "Recording":
    """The recording of that name.

    Raises:
        InputError: There is none.
    """
    if name not in recording_names():
        raise InputError(f"recording {name!r} is unknown; expected one of {', '.join(recording_names())}")
    (path,) = PACKAGE.glob(f"*/{name}/recording.py")
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return import_module(module).RECORDING
