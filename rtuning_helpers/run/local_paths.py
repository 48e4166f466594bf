"""Paths as users name them, below the folder where they stand."""

import os
from pathlib import Path


def absolute(path: str | None) -> str | None:
    """The path from the root on, ``~`` resolved; None stays None."""
    return None if path is None else os.path.abspath(os.path.expanduser(path))


def absolute_model(name: str | None) -> str | None:
    """A local model folder or file as absolute path; hub names, packages and ``mini`` as they are."""
    if name in (None, "mini", "mini-tasks") or name.startswith("pypi:"):
        return name
    is_path = name.startswith((".", "~")) or Path(name).is_absolute()
    is_local = is_path or name.lower().endswith(".gguf") or Path(name).is_dir()
    return absolute(name) if is_local else name
