"""How a stored file gets into a checkout: a relative symbolic link where there can be one, else a hard link or a copy.

Relative, so that it holds wherever a machine has the shared storage.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

import structlog

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

Kind: TypeAlias = Literal["symlink", "hardlink", "copy"]


class Linker:
    """Puts files into one checkout, as `kind` says; where that cannot be, as what comes after it, from then on."""

    def __init__(self, kind: Kind) -> None:
        ways = list(_WAYS)
        self._left = ways[ways.index(kind) :]

    def put(self, blob: Path, link: Path, folder: str) -> None:
        """Make `link` give what is in `blob`; `folder` is where the link's folder will be. Raises `OSError`."""
        while True:
            try:
                _WAYS[self._left[0]](blob, link, folder)
            except OSError as error:
                if len(self._left) == 1 or error.errno not in _CANNOT:
                    raise
                log.warning(
                    "a checkout is made otherwise", not_as=self._left[0], but_as=self._left[1], reason=str(error)
                )
                self._left.pop(0)
            else:
                return


def _symlink(blob: Path, link: Path, folder: str) -> None:
    link.symlink_to(os.path.relpath(blob, folder))


def _hard_link(blob: Path, link: Path, _folder: str) -> None:
    link.hardlink_to(blob)


def _copy(blob: Path, link: Path, _folder: str) -> None:
    with link.open("xb"):  # nothing that is there is ever replaced
        pass
    shutil.copyfile(blob, link)


_WAYS: dict[Kind, Callable[[Path, Path, str], None]] = {"symlink": _symlink, "hardlink": _hard_link, "copy": _copy}
"""Each way of doing it, in the order in which they are tried."""
