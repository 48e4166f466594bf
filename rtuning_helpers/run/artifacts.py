"""Result folders: every step writes into one, whole or not at all, with a manifest that says what made it.

A step's folder is ``<out>/<profile>/<dataset>/<method>/seed<k>/<step>/``. The manifest is written last, and the folder
appears under its name only when it is complete, so whatever is there can be trusted; a step whose manifest carries the
same parameters and inputs is not done again.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256
from rtuning_helpers.json_files import write_json
from rtuning_helpers.model.model_names import parse_model
from rtuning_helpers.run.profiles import FEW_SHOT, PLAIN, SHOTS, RunConfig, default_out

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"


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
    return (out if out.is_absolute() else base / out) / profile / dataset


def step_folder(config: RunConfig, method: str, step: str) -> Path:
    """Folder of one step of one method and seed."""
    return results_folder(config) / method / f"seed{config.seed}" / step


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
        write: Gets an empty folder and fills it; what it returns stands in the manifest as ``summary``.
        inputs: Folders of earlier steps; their manifests' hashes become part of this one.
        force: Do it again although it is there.

    Returns:
        The folder. If ``write`` fails or is interrupted, an earlier result stays as it was.
    """
    wanted = _wanted(parameters, inputs)
    if not force and is_finished(folder, wanted):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = folder.parent / f".{folder.name}-{secrets.token_hex(4)}"
    try:  # from here on, lest an interruption leave the folder behind
        work.mkdir(0o700)
        summary = write(work)
        hashes = {p.relative_to(work).as_posix(): file_sha256(p) for p in sorted(work.rglob("*")) if p.is_file()}
        told = {} if summary is None else {"summary": summary}
        write_json(work / MANIFEST, {**wanted, "files": hashes, **told})
        work.chmod(0o755)
        replace_folder(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _wanted(parameters: Mapping[str, Any], inputs: Iterable[Path]) -> dict[str, Any]:
    """What a finished step's manifest says of what made it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "parameters": json.loads(json.dumps(parameters)),
        "inputs": {"/".join(path.parts[-3:]): file_sha256(path / MANIFEST) for path in inputs},
    }


def is_finished(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the folder holds the complete result of these parameters and inputs."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    as_wanted = all(manifest.get(key) == value for key, value in wanted.items())
    return as_wanted and all((folder / file).is_file() for file in manifest.get("files", {}))


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
