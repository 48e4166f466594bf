"""The folder of one step: its manifest, whether its files are sound, its lock, and what a process leaves that dies."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rtuning_helpers.file_hashes import file_sha256
from rtuning_helpers.processes import WINDOWS
from rtuning_helpers.progress import progress_bar

MANIFEST = "manifest.json"
CLEANED = "cleaned"  # beside the manifest of a step whose files were removed to save room
QUIET_SECONDS = 2.0
_REMAINS = re.compile(r"\.(.+)-[0-9a-f]{8}(?:-old)?")


def step_lock(folder: Path) -> FileLock:
    """What a process holds while it does the step of that folder."""
    return FileLock(folder.parent / f".{folder.name}.lock")


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold the lock of a step meanwhile; while another process holds it, wait, and show that."""
    lock = step_lock(folder)
    try:
        lock.acquire(timeout=QUIET_SECONDS)
    except Timeout:
        with progress_bar(1, f"waiting for another process, which is at {folder.name}"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_finished(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the folder holds the complete and sound result of these parameters and inputs."""
    return is_made_as(folder, wanted) and is_sound(folder)


def is_sound(folder: Path) -> bool:
    """Whether every file that the folder's manifest lists is there and has the hash that it had."""
    return all(_hash_now(folder / name) == sha256 for name, sha256 in read_manifest(folder).get("files", {}).items())


def is_made_as(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the folder's manifest says that these parameters and inputs made it."""
    manifest = read_manifest(folder)
    return bool(manifest) and all(manifest.get(key) == value for key, value in wanted.items())


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the folder's manifest holds; nothing if there is none that can be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _hash_now(path: Path) -> str | None:
    try:
        found = path.stat()
        return _hash_of(path, found.st_size, found.st_mtime_ns, found.st_ino)
    except OSError:
        return None


@cache  # a notebook reads the same step many times
def _hash_of(path: Path, *state: int) -> str:
    return file_sha256(path)


def remains(folder: Path) -> list[Path]:
    """Folders that processes which died within the step have left; those of one at work are among them."""
    return sorted(path for path in folder.parent.glob(".*") if step_of(path) == folder.name and path.is_dir())


def step_of(path: Path) -> str | None:
    """The step in whose place a folder is being made, or was until its process died; None for any other path."""
    found = _REMAINS.fullmatch(path.name)
    return found[1] if found else None


def clear_remains(folder: Path) -> None:
    """Clear away what dead processes have left; call it with the step's lock held."""
    for path in remains(folder):  # the new one before the old one
        if not folder.exists() and read_manifest(path) and is_sound(path):
            os.rename(path, folder)  # whoever died was about to
        else:
            shutil.rmtree(path, ignore_errors=True)


def to_disk(path: Path) -> None:
    """See to it that a file, or the names in a folder, outlast a loss of power.

    Windows opens no folder, and writes to the disk only what is open for writing.
    """
    if WINDOWS and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_folder(new: Path, folder: Path) -> None:
    """Put ``new`` in the place of ``folder``; the old one goes only when the new one stands."""
    old = folder.parent / f"{new.name}-old"
    try:
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
    except BaseException:  # Ctrl-C between the two renames as well
        if old.exists() and not folder.exists():
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
