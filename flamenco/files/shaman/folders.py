"""Where the store's files lie below the shared storage, and how folders there come and go.

Many processes make and remove folders side by side, so a folder may be gone again before anything is put into it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from flamenco.domain.shaman import UNFINISHED, Content

T = TypeVar("T")

BLOB_SUFFIX = ".blob"
TEMPORARY_SUFFIX = ".tmp"

_TRIES = 1_000
"""How often somebody may remove a folder between our making and our using it; more often, something else is wrong."""


class ShamanFolders:
    """The folders below `shared`, the folder that manager, workers and clients share."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self.store = shared / "file-store"
        self.stored = self.store / "stored"
        self.uploading = self.store / "uploading"
        self.removing = self.store / "removing"
        self.jobs = shared / "jobs"
        self.unfinished = self.jobs / UNFINISHED

    def blob(self, content: Content) -> Path:
        """Where the whole file is, once it is stored."""
        return self.stored / _folder(content) / f"{content.size}{BLOB_SUFFIX}"

    def upload_folder(self, content: Content) -> Path:
        """Where the unfinished uploads of the file are."""
        return self.uploading / _folder(content)


def _folder(content: Content) -> str:
    return f"{content.sha[:2]}/{content.sha[2:]}"


def in_folder(folder: Path, use: Callable[[], T]) -> T:
    """Make `folder` and use it, again when somebody removes it meanwhile because it was empty. Raises `OSError`."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            _make(folder)
            return use()
    _make(folder)
    return use()


def _make(folder: Path) -> None:
    """Make the folder and those above it. `Path.mkdir` fails when one that was there a moment ago is removed."""
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileExistsError:
        return
    except FileNotFoundError:
        _make(folder.parent)
        with suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102


def prune(folder: Path, root: Path) -> None:
    """Remove `folder`, and those above it up to `root`, which stays, as far as they are empty."""
    while folder != root and root in folder.parents:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass  # somebody else removed it, and maybe not what is above
        except OSError:
            return
        folder = folder.parent


def files_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below `folder` that is no folder, symbolic links as they are. What goes away meanwhile is left out.

    Raises `OSError` when a folder cannot be read.
    """
    left = [os.fspath(folder)]
    while left:
        try:
            entries = os.scandir(left.pop())
        except FileNotFoundError:
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                else:
                    yield entry
