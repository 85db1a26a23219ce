"""Files and folders that are for one user alone: made so from their first byte, whatever the umask of the process.

Not by a umask of 077: that is of the whole process, so what lies in shared storage, and what tasks write, would be for
this user alone as well. Whoever sets such a umask gets what it says.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from flamenco.domain.errors import ConfigError

_FOLDER: Final = 0o700
_PASSABLE: Final = 0o711
_FILE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path, *, passable: bool = False) -> None:
    """Make a folder that only this user gets into, unless it is there; those above it are as usual.

    Others can go through one that is `passable`, to something in it whose name they know, and see nothing else. Raises
    `OSError`.
    """
    folder.mkdir(_PASSABLE if passable else _FOLDER, parents=True, exist_ok=True)


def make_file(file: Path) -> None:
    """Make an empty file that only this user can read, for others to fill; one that is there is left alone.

    Raises `OSError`.
    """
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE))


def write(file: Path, content: bytes) -> None:
    """Write a file that only this user can read, complete or not at all. Raises `OSError`."""
    aside = file.with_name(f"{file.name}~")
    aside.unlink(missing_ok=True)
    # Made with its final mode: it is secret from its first byte on.
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)


def check(file: Path, what: str) -> None:
    """Raise `ConfigError` when others than its owner can read or change the file, which has `what` in it.

    The sentence names the command that mends it. Windows has no such modes.
    """
    if os.name == "posix" and file.stat().st_mode & _OTHERS:
        raise ConfigError(f"{what} {file} can be read by others; keep them to yourself: chmod 600 '{file}'")
