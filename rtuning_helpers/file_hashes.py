"""SHA-256 of files, and folders that are held to the checksums they list."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_lines

CHECKSUMS = "SHA256SUMS"
CHUNK = 1 << 18


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file, read piece by piece."""
    return files_sha256([path])


def files_sha256(paths: Iterable[Path]) -> str:
    """Hex SHA-256 of files one behind the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                digest.update(piece)
    return digest.hexdigest()


def verify_checksums(folder: Path) -> None:
    """Compare the files of a folder with its ``SHA256SUMS``, where it has one.

    Raises:
        InputError: A listed file is missing or differs.
    """
    listing = folder / CHECKSUMS
    if not listing.is_file():
        return
    for line in read_lines(listing, "a checksum and a file name on each line"):
        expected, _, file = line.partition("  ")
        path = folder / file
        if not path.is_file():
            raise InputError(f"{path}: missing, but listed in {CHECKSUMS}; restore it, or run `rtuning build-mini`")
        found = file_sha256(path)
        if found != expected:
            raise InputError(
                f"{path}: SHA-256 is {found[:12]}..., expected {expected[:12]}... as listed in {CHECKSUMS}; "
                "restore the file, or run `rtuning build-mini`"
            )
