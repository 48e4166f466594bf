"""Make room in a folder of runs: files of steps go, their manifests stay.

So a batch knows that such steps were done, and does not do them again for a run that is finished.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from rtuning_helpers.batch.state import batch_lock
from rtuning_helpers.batch.status import Part, look, size_of
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_json
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.step_folders import CLEANED, MANIFEST, step_lock, step_of

METRICS = "metrics"
ALWAYS_KEPT = ("style",)  # a few bytes, and a part of every later step's key


@dataclass(frozen=True)
class Removable:
    """A step's folder whose files can go, or a folder that a dead process left; and the bytes that this frees."""

    path: Path
    size: int
    is_step: bool


def check_kept(names: str) -> list[str]:
    """Names of steps to keep, from a list separated by commas.

    Raises:
        InputError: It is empty.
    """
    kept = [name.strip() for name in names.split(",") if name.strip()]
    if not kept:
        raise InputError(
            f"parameter keep {names!r}: expected steps to keep, such as {METRICS} or {METRICS},predictions"
        )
    return kept


def removable(folder: Path, kept: list[str]) -> list[Removable]:
    """What can be removed below a folder of runs.

    Raises:
        InputError: There are no runs, or a name to keep is that of no step there.
    """
    parts = look(folder).parts
    steps = {step for part in parts for step in part.steps}
    for name in kept:
        if name not in steps | {METRICS}:
            raise InputError(
                f"parameter keep {name}: no step in {shown_path(folder)}; expected some of {', '.join(sorted(steps))}"
            )
    return [found for part in parts for found in _removable(part, {*kept, *ALWAYS_KEPT})]


def _removable(part: Part, kept: set[str]) -> Iterator[Removable]:
    for step in part.steps:
        path = part.path / step  # it is not there for the metrics, which always stay
        if step not in kept and (path / MANIFEST).is_file() and not (path / CLEANED).exists():
            yield Removable(path, size_of(path) - (path / MANIFEST).stat().st_size, True)
    for path in part.remains:
        yield Removable(path, size_of(path), False)


def clean(folder: Path, found: list[Removable]) -> int:
    """Remove them; gives the bytes that were freed.

    Raises:
        InputError: A batch is at work there, or a process does one of the steps.
    """
    freed = 0
    with batch_lock(folder):
        for item in found:
            step = item.path if item.is_step else item.path.with_name(str(step_of(item.path)))
            try:
                with step_lock(step).acquire(blocking=False):
                    _remove(item)
                    freed += item.size
            except Timeout:
                raise InputError(
                    f"{shown_path(step)}: a process is at work on it; expected to wait for its end"
                ) from None
    return freed


def _remove(item: Removable) -> None:
    if not item.is_step:
        shutil.rmtree(item.path, ignore_errors=True)
        return
    (item.path / CLEANED).touch()
    for name in read_json(item.path / MANIFEST)["files"]:
        with suppress(FileNotFoundError):
            (item.path / name).unlink()
    for inner in sorted(item.path.rglob("*"), reverse=True):
        if inner.is_dir():
            with suppress(OSError):  # something is in it that is none of ours
                os.rmdir(inner)
