"""Result folders: every step writes into one, whole or not at all, with a manifest that says what made it.

A step's folder is ``<out>/<profile>/<dataset>/<method>/seed<k>/<step>/``. The manifest is written last, and the folder
appears under its name only when it is complete, so whatever is there can be trusted; a step whose manifest carries the
same parameters and inputs, and whose files still have the hashes it lists, is not done again.

A step that is being done is locked, so that no two processes do it at once: the second waits and takes the result. The
operating system frees the lock of a process that has died, and what such a process left behind is cleared away.

Processes that do a run together (`ranks`) go through its steps side by side: the first one decides what has to be done,
holds the lock and writes.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtuning_helpers import ranks
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256
from rtuning_helpers.json_files import write_json
from rtuning_helpers.model.model_names import parse_model
from rtuning_helpers.run.profiles import FEW_SHOT, PLAIN, SHOTS, RunConfig, default_out
from rtuning_helpers.run.step_folders import (
    CLEANED,
    MANIFEST,
    clear_remains,
    holding,
    is_finished,
    is_made_as,
    replace_folder,
    to_disk,
)

SCHEMA_VERSION = 1
_LOOKING = ContextVar("looking", default=False)


class StepMissing(Exception):  # noqa: N818
    """A step is not finished, and nothing was done about it."""


@contextmanager
def only_looking() -> Iterator[None]:
    """Meanwhile `run_step` does nothing: it gives the folder of a step that is finished, or was and is cleaned.

    Raises:
        StepMissing: By `run_step`, for any other step.
    """
    token = _LOOKING.set(True)
    try:
        yield
    finally:
        _LOOKING.reset(token)


def results_folder(config: RunConfig) -> Path:
    """Where the results of a profile, model, dataset and all other settings but the seed lie.

    ``<out>/<profile>/<dataset>``, both followed by whatever was named that is not the profile's own.
    """
    out = Path(config.out).expanduser()
    profile = config.profile if config.model is None else f"{config.profile}-{_model_slug(config.model)}"
    dataset = config.dataset if config.tune_on is None else f"{config.dataset}-tuned-on-{config.tune_on}"
    dataset = dataset if config.epochs is None else f"{dataset}-epochs{config.epochs:g}"
    dataset = dataset if config.limit is None else f"{dataset}-limit{config.limit}"
    dataset += _style_suffix(config)
    dataset = dataset if config.permutations == 1 else f"{dataset}-permutations{config.permutations}"
    base = Path(os.environ.get("RTUNING_OUT_BASE") or default_out())  # the tests' notebooks keep away from ours
    return _below(out if out.is_absolute() else base / out, profile, dataset)


def step_folder(config: RunConfig, method: str, step: str) -> Path:
    """Folder of one step of one method and seed."""
    return _below(results_folder(config), method, f"seed{config.seed}", step)


def _below(folder: Path, *names: str) -> Path:
    """A folder further down.

    Raises:
        InputError: One of the names would lead elsewhere.
    """
    for name in names:
        if name in ("", ".", "..") or not {"/", "\\", "\0"}.isdisjoint(name):
            raise InputError(f"{name!r} cannot be part of a result folder's name; expected a name without slashes")
    return folder.joinpath(*names)


def _style_suffix(config: RunConfig) -> str:
    if config.style == PLAIN:
        return ""
    shots = str(config.shots) if config.style == FEW_SHOT or config.shots != SHOTS else ""
    system = "" if config.system is None else f"-{hashlib.sha256(config.system.encode()).hexdigest()[:6]}"
    return f"-{config.style}{shots}{system}"


def _model_slug(model: str) -> str:
    named = parse_model(model)
    if named.adapter is None:
        return _slug(named.base)
    return f"{_slug(named.base)}-{'merged' if named.merged else 'adapter'}-{_slug(str(named.adapter))}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text.strip("/.~")).strip("-")[-60:]


def shown_path(path: Path) -> str:
    """A path for people: relative to the clone or the current folder where possible, never a home folder."""
    for base in (default_out(), Path.cwd()):
        try:
            return path.resolve().relative_to(base.resolve()).as_posix()
        except ValueError:
            continue
    return path.name if str(path).startswith(str(Path.home())) else path.as_posix()


def check_writable(config: RunConfig) -> None:
    """Make the output folder, and see that files can be written there.

    Raises:
        InputError: It cannot be made or written.
    """
    folder = results_folder(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"parameter out {config.out}: cannot write there ({error.strerror}); expected a writable folder"
        ) from None


@dataclass(frozen=True)
class Unfinished:
    """Where a step keeps what it has done so far, to go on from there if it is interrupted.

    Attributes:
        folder: A folder beside the step's, for it alone.
        key: What the step depends on; what another key was kept with is of no use.
    """

    folder: Path
    key: str

    def remove(self) -> None:
        """Forget what is there."""
        shutil.rmtree(self.folder, ignore_errors=True)


def unfinished(folder: Path, parameters: Mapping[str, Any], inputs: Iterable[Path] = ()) -> Unfinished:
    """Where the step of these parameters and inputs may keep what it has done so far; see `run_step`."""
    key = json.dumps(_wanted(parameters, inputs), sort_keys=True)
    return Unfinished(folder.parent / f".{folder.name}-unfinished", hashlib.sha256(key.encode()).hexdigest())


def run_step(
    folder: Path,
    parameters: Mapping[str, Any],
    write: Callable[[Path], Mapping[str, Any] | None],
    *,
    inputs: Iterable[Path] = (),
    force: bool = False,
) -> Path:
    """Do a step once.

    Args:
        folder: Where the result belongs.
        parameters: Everything the result depends on, as JSON values.
        write: Gets an empty folder and fills it; what it returns stands in the manifest as ``summary``. Processes that
            work together all call it; what others than the first write is thrown away.
        inputs: Folders of earlier steps; their manifests' hashes become part of this one.
        force: Do it again although it is there.

    Returns:
        The folder. If ``write`` fails or is interrupted, an earlier result stays as it was.
    """
    wanted = _wanted(parameters, inputs)
    if ranks.decided(lambda: not force and is_finished(folder, wanted)):
        return folder
    if _LOOKING.get():
        if is_made_as(folder, wanted) and (folder / CLEANED).is_file():
            return folder
        raise StepMissing(str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with holding(folder) if ranks.is_first() else nullcontext():
        if ranks.is_first():
            clear_remains(folder)
        if ranks.decided(lambda: force or not is_finished(folder, wanted)):  # another process may just have done it
            if ranks.is_first():
                _do_step(folder, wanted, write)
            else:
                with tempfile.TemporaryDirectory() as scratch:
                    write(Path(scratch))
            ranks.decided(lambda: None)  # it stands
    return folder


def _do_step(folder: Path, wanted: Mapping[str, Any], write: Callable[[Path], Mapping[str, Any] | None]) -> None:
    work = folder.parent / f".{folder.name}-{secrets.token_hex(4)}"
    try:  # from here on, lest an interruption leave the folder behind
        work.mkdir(0o700)
        summary = write(work)
        hashes = {p.relative_to(work).as_posix(): file_sha256(p) for p in sorted(work.rglob("*")) if p.is_file()}
        told = {} if summary is None else {"summary": summary}
        write_json(work / MANIFEST, {**wanted, "files": hashes, **told})
        work.chmod(0o755)
        for path in (*work.rglob("*"), work):
            to_disk(path)
        replace_folder(work, folder)
        to_disk(folder.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _wanted(parameters: Mapping[str, Any], inputs: Iterable[Path]) -> dict[str, Any]:
    """What a finished step's manifest says of what made it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "parameters": json.loads(json.dumps(parameters)),
        "inputs": {"/".join(path.parts[-3:]): file_sha256(path / MANIFEST) for path in inputs},
    }
