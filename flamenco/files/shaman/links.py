"""How a stored file gets into a checkout: a relative symbolic link where there can be one, else a hard link or a copy.

Relative, so that it holds wherever a machine has the shared storage.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

import structlog

from flamenco.files.below import Folder, below

log = structlog.get_logger()

_CANNOT: Final = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.EXDEV,
        errno.EMLINK,
        errno.ENOSYS,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.EINVAL,  # Windows, to users who may not make symbolic links
    }
)
"""What a file system says to a way that it does not have."""

_COPY_BYTES: Final = 1024 * 1024

Kind: TypeAlias = Literal["symlink", "hardlink", "copy"]


class Blob(NamedTuple):
    """A stored file: the folder of all, its path there, and where it really is, for links to count from."""

    stored: Folder
    folders: tuple[str, ...]
    name: str
    real_path: str


class Linker:
    """Puts files into one checkout, as `kind` says; where that cannot be, as what comes after it, from then on."""

    def __init__(self, kind: Kind) -> None:
        ways = list(_WAYS)
        self._left = ways[ways.index(kind) :]

    def put(self, blob: Blob, folder: Folder, name: str, final: str) -> None:
        """Have `name` in `folder` give what is in `blob`; `final` is where that folder will be. Raises `OSError`."""
        while True:
            try:
                _WAYS[self._left[0]](blob, folder, name, final)
            except OSError as error:
                if len(self._left) == 1 or error.errno not in _CANNOT:
                    raise
                log.warning(
                    "a checkout is made otherwise", not_as=self._left[0], but_as=self._left[1], reason=str(error)
                )
                self._left.pop(0)
            else:
                return


def _symlink(blob: Blob, folder: Folder, name: str, final: str) -> None:
    os.symlink(os.path.relpath(blob.real_path, final), folder.name(name), dir_fd=folder.descriptor)


def _hard_link(blob: Blob, folder: Folder, name: str, _final: str) -> None:
    with below(blob.stored, *blob.folders) as stored:
        stored.link(blob.name, folder, name)


def _copy(blob: Blob, folder: Folder, name: str, _final: str) -> None:
    with (
        below(blob.stored, *blob.folders) as stored,
        stored.read(blob.name) as source,
        folder.create(name) as target,  # nothing that is there is ever replaced
    ):
        shutil.copyfileobj(source, target, _COPY_BYTES)


_WAYS: dict[Kind, Callable[[Blob, Folder, str, str], None]] = {
    "symlink": _symlink,
    "hardlink": _hard_link,
    "copy": _copy,
}
"""Each way of doing it, in the order in which they are tried."""
