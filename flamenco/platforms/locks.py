"""Locks on files, which go with whoever has them, however that one ends.

A lock of an open file is for whoever has it open, processes that inherit it included; one of a process is that one's
alone. On Windows both are a lock on one byte, far behind all that files have, since nobody could read a locked one.
"""

from __future__ import annotations

import os
import sys
import time
from typing import IO, Final

FAR: Final = 1 << 40
"""The byte that is locked on Windows."""

WAIT_S: Final = 10.0
"""How long Windows is asked for a lock that somebody else has; elsewhere, the system waits."""

_ASK_EVERY_S: Final = 0.005

if sys.platform != "win32":
    import fcntl

    def lock(descriptor: int, *, shared: bool = False) -> None:
        """Wait for the lock of an open file. Raises `OSError` where the file system has none."""
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def unlock(descriptor: int) -> None:
        """Let others have it. Raises `OSError`."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def lock_for_process(file: IO[bytes]) -> None:
        """Wait, for as long as it takes, until this process has the lock."""
        fcntl.lockf(file, fcntl.LOCK_EX)

    def try_for_process(file: IO[bytes]) -> bool:
        """Whether this process has the lock, or has got it now."""
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def unlock_for_process(file: IO[bytes]) -> None:
        """Let another process have it."""
        fcntl.lockf(file, fcntl.LOCK_UN)

else:
    import msvcrt

    def lock(descriptor: int, *, shared: bool = False) -> None:  # noqa: ARG001 - as elsewhere
        """Wait for the lock of an open file, which Windows gives to one at a time. Raises `OSError`."""
        deadline = time.monotonic() + WAIT_S
        while not _try(descriptor):
            if time.monotonic() > deadline:
                raise TimeoutError(f"a file was locked for more than {WAIT_S:g} s")
            time.sleep(_ASK_EVERY_S)

    def unlock(descriptor: int) -> None:
        """Let others have it. Raises `OSError`."""
        os.lseek(descriptor, FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    def lock_for_process(file: IO[bytes]) -> None:
        """Wait, for as long as it takes, until this process has the lock."""
        while not _try(file.fileno()):
            time.sleep(_ASK_EVERY_S)

    def try_for_process(file: IO[bytes]) -> bool:
        """Whether this process has got the lock now; who has it already is told no."""
        return _try(file.fileno())

    def unlock_for_process(file: IO[bytes]) -> None:
        """Let another process have it."""
        unlock(file.fileno())

    def _try(descriptor: int) -> bool:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
