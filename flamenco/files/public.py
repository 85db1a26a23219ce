"""The files that anybody may download, and nothing else that lies beside them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO

from msgspec import Struct

from flamenco.domain import job_files
from flamenco.domain.errors import NotFound
from flamenco.files.below import READ, open_below
from flamenco.files.job_folders import job_folder


class PublicFile(Struct, frozen=True):
    """A file as it was when it was opened: `size` in bytes, `modified` in nanoseconds. `etag` tells versions apart."""

    stream: IO[bytes]
    size: int
    modified: int
    etag: str


def open_public(root: Path, folder: str, job_id: str, name: str) -> PublicFile:
    """Open `folder/job_id/name` below `root`; whoever does closes the stream. Raises `NotFound`.

    A log may grow while it is read: what is beyond `size` is not of this version.
    """
    if not job_files.is_public(folder, job_id, name):
        raise NotFound("There is no such file.")
    return _public(lambda: open_below(root, job_folder(root, job_id) / name, READ))


def open_file(path: Path) -> PublicFile:
    """Open a file that the configuration names; whoever does closes the stream. Raises `NotFound` when it cannot."""
    return _public(lambda: os.open(path, READ))


def _public(open_it: Callable[[], int]) -> PublicFile:
    try:
        descriptor = open_it()
    except OSError as error:
        raise NotFound("There is no such file.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise NotFound("There is no such file.")
    # The number of the file too: an image that replaces another is one of its own.
    etag = f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"
    stream = os.fdopen(descriptor, "rb")
    return PublicFile(stream=stream, size=status.st_size, modified=status.st_mtime_ns, etag=etag)
