"""Fetch the files of public data sets, once, into a cache folder.

The cache is ``~/.cache/rtuning``, or the folder that the variable RTUNING_CACHE names: ``github/`` for files of
GitHub projects, ``hub/`` in the layout of huggingface_hub. Every file is named by a fixed revision; where its sha256 is
known it is checked whenever the file is used. HF_ENDPOINT and RTUNING_GITHUB can name mirrors. No account is needed:
no token is ever sent.

Where the pins come from: none of the live sources could be reached where this was written, and nothing was fetched
from them. The checksums of SelfAware, FalseQA, NEC, RefuNQ and WiCE's claim test were taken from copies of the files;
those of MMLU's test, HotpotQA, HaluEval, PopQA and the rest of WiCE, and the commits, as one or more public projects
give them for the same files. MMLU's dev file, FEVER's two files and TriviaQA's four have no known checksum: the commit
is their only pin.
Everything here was tested against a server on the loopback address.
"""

import http.client
import logging
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import CHUNK, file_sha256
from rtuning_helpers.json_files import replacing

GITHUB = "https://raw.githubusercontent.com"
HUB_ENDPOINT = "https://huggingface.co"
TIMEOUT = 30  # seconds without an answer


@dataclass(frozen=True)
class PublicFile:
    """A file with a fixed revision at a public source."""

    host: str  # "hub" (a dataset repository of the Hugging Face hub) or "github"
    repository: str  # owner and name
    revision: str  # the full commit hash
    path: str  # within the repository
    sha256: str | None = None  # of the content; None where nobody has published one (the commit is the only pin)

    @property
    def url(self) -> str:
        """Where the file is fetched."""
        if self.host == "hub":
            base = os.environ.get("HF_ENDPOINT") or HUB_ENDPOINT
            return f"{base.rstrip('/')}/datasets/{self.repository}/resolve/{self.revision}/{self.path}"
        base = os.environ.get("RTUNING_GITHUB") or GITHUB
        return f"{base.rstrip('/')}/{self.repository}/{self.revision}/{self.path}"


def cache_folder() -> Path:
    """Where fetched files are kept."""
    named = os.environ.get("RTUNING_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "rtuning"


def cached(file: PublicFile) -> Path | None:
    """The file in the cache; None if it has not been fetched."""
    if file.host == "hub":
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(
            file.repository, file.path, cache_dir=cache_folder() / "hub", revision=file.revision, repo_type="dataset"
        )
        return Path(found) if isinstance(found, str) else None
    path = cache_folder() / "github" / file.repository / file.revision / file.path
    return path if path.is_file() else None


def fetch(file: PublicFile) -> Path:
    """The file in the cache, fetched if it is not there yet; it appears there whole or not at all.

    Raises:
        InputError: The source cannot be reached, has no such file, or gives another content than expected.
    """
    path = cached(file)
    if path is None:
        print(f"fetching {file.url}", file=sys.stderr)
        path = _from_hub(file) if file.host == "hub" else _from_github(file)
    _verify(path, file)
    return path


def _verify(path: Path, file: PublicFile) -> None:
    if file.sha256 is None:
        return
    found = file_sha256(path)
    if found != file.sha256:
        path.resolve().unlink()  # of the hub's cache, the content behind the link
        path.unlink(missing_ok=True)
        raise InputError(
            f"{file.url}: sha256 of the content is {found}; expected {file.sha256}. It was removed from the cache; "
            "run again to fetch it anew, or name a folder with parameter data_dir"
        )


def _from_hub(file: PublicFile) -> Path:
    from huggingface_hub import hf_hub_download

    place: dict[str, Any] = {"cache_dir": cache_folder() / "hub", "repo_type": "dataset", "revision": file.revision}
    endpoint = os.environ.get("HF_ENDPOINT") or HUB_ENDPOINT
    try:
        with quiet_hub():
            return Path(hf_hub_download(file.repository, file.path, endpoint=endpoint, token=False, **place))
    except Exception as error:  # of the hub's library or of the one it fetches with, which has changed before
        raise _unreachable(file, error) from None


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Keep the hub's library from announcing each of its attempts; the error at their end says it once."""
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _from_github(file: PublicFile) -> Path:
    path = cache_folder() / "github" / file.repository / file.revision / file.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(file.url, timeout=TIMEOUT) as answer, replacing(path) as target:
            _copy(answer, target, file.path)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(file, error) from None
    return path


def _copy(answer: http.client.HTTPResponse, target: IO[bytes], name: str) -> None:
    """Copy the answer's body, with a bar where standard error is a terminal.

    Raises:
        OSError: The connection ended early.
    """
    total = int(answer.headers["Content-Length"]) if answer.headers["Content-Length"] else None
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task, done = bar.add_task(name, total=total), 0
        while chunk := answer.read(CHUNK):
            target.write(chunk)
            done += len(chunk)
            bar.update(task, completed=done)
    if total is not None and done != total:
        raise OSError(f"the connection ended after {done:,} of {total:,} bytes")


def _unreachable(file: PublicFile, error: BaseException) -> InputError:
    while error.__cause__ is not None:  # what the hub's library wraps says what happened
        error = error.__cause__
    reason = " ".join(str(error).split())[:200]
    if isinstance(error, urllib.error.HTTPError):
        reason = f"HTTP status {error.code}"
    return InputError(
        f"{file.url}: cannot be fetched ({reason}); expected a connection to the public source. Without one, get the "
        f"file {file.path} of {file.repository} elsewhere and name its folder with parameter data_dir"
    )
