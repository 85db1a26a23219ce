"""Whether a folder can be the storage that manager, workers and artists share."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from msgspec import Struct

from flamenco.domain.variables import is_unc


class StorageCheck(Struct, frozen=True):
    """Whether a folder can be used, and why (not)."""

    path: str
    is_usable: bool
    cause: str


class _Unsuitable(Exception):
    """Why a folder cannot be the shared storage."""


def check(path: str) -> StorageCheck:
    """Whether the folder `path` can be the shared storage: it exists, and the manager can write to it."""
    try:
        _check_path(path)
        _check_folder(Path(path))
        _check_writable(Path(path))
    except _Unsuitable as reason:
        return StorageCheck(path, is_usable=False, cause=str(reason))
    return StorageCheck(path, is_usable=True, cause="Directory checked successfully")


def _check_path(path: str) -> None:
    if not path:
        raise _Unsuitable("An empty path is not suitable as shared storage")
    if is_unc(path):
        raise _Unsuitable("UNC notation is not supported. Mount as a drive letter instead.")


def _check_folder(folder: Path) -> None:
    programs = (Path(sys.argv[0]).absolute().parent, Path(__file__).parent.parent)
    try:
        if not folder.exists():
            raise _Unsuitable("This path does not exist. Choose an existing directory.")
        if not folder.is_dir():
            raise _Unsuitable("The given path is not a directory. Choose an existing directory.")
        if any(program.is_dir() and folder.samefile(program) for program in programs):
            raise _Unsuitable("Do not pick the installation directory of Flamenco. Choose another one.")
    except (OSError, ValueError) as error:
        raise _Unsuitable(f"Error checking filesystem: {error}") from error


def _check_writable(folder: Path) -> None:
    try:
        descriptor, name = tempfile.mkstemp(prefix="flamenco-writability-test-", suffix=".txt", dir=folder)
    except OSError as error:
        raise _Unsuitable(f"Unable to create a file in that directory: {error}") from error
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a path cannot open a descriptor
            file.write(b"Flamenco can write here.\n")
    except OSError as error:
        raise _Unsuitable(f"unable to write to {name}: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)
