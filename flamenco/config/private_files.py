"""Files that hold secrets: for their owner alone from the first byte on, and not used when others can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from flamenco.domain.errors import ConfigError


def check_private(file: Path, what: str) -> None:
    """Raise `ConfigError`, with the command that mends it, when others can read the file. `what` it has."""
    if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{what} {file} can be read by others; keep them to yourself: chmod 600 '{file}'")


def write_private(file: Path, content: bytes) -> None:
    """Write the file, complete or not at all, readable for this user only. Raises `OSError`."""
    aside = file.with_name(f"{file.name}~")
    aside.unlink(missing_ok=True)
    # Made with its final mode: it is secret from its first byte on.
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)
