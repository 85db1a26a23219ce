"""How the processes of a manager reach the one of them that has the helper process, and which one that is.

The main process makes it and its forks share it, so nothing of it has a name or is left behind. The kernel lets one of
them have the turn, and gives it to the next when that one ends, however it ends.
"""

from __future__ import annotations

import os
import socket
import tempfile
from typing import BinaryIO

from flamenco.platforms import locks
from flamenco.platforms.readiness import can_write

GIVE_S = 5.0
"""How long a process waits for a place in the queue of those that want to be connected; the kernel has some ten."""

_CONNECT, _WAKE = b"c", b"w"


class Channel:
    """To be made before the fork. All that a process opens with it belongs to that process."""

    def __init__(self) -> None:
        self._giving, self._taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._giving.settimeout(GIVE_S)
        self._turn = _nameless_file()

    def await_turn(self) -> None:
        """Wait, for as long as another process has it, for the turn to take connections. Not to be interrupted."""
        locks.lock_for_process(self._turn)

    def give_up_turn(self) -> None:
        """Let another process have it."""
        locks.unlock_for_process(self._turn)

    def connect(self) -> socket.socket:
        """A connection to whoever has the turn, or gets it next. Raises `OSError`."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._giving, [_CONNECT], [theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        return ours

    def wake(self) -> None:
        """Have `take` of whoever has the turn come back, without a connection; not where that means to wait."""
        if can_write(self._giving):
            self._giving.send(_WAKE)

    def take(self) -> socket.socket | None:
        """The next connection; None when somebody woke us, or no more files can be opened. For who has the turn."""
        _, descriptors, _, _ = socket.recv_fds(self._taking, len(_CONNECT), 1)
        if not descriptors:
            return None
        connection = socket.socket(fileno=descriptors[0])
        connection.set_inheritable(False)
        return connection

    def close(self) -> None:
        """Let go of it in this process; others go on."""
        for part in (self._giving, self._taking, self._turn):
            part.close()


def _nameless_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):  # which needs no disk with room
        return os.fdopen(os.memfd_create("flamenco-turn"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)
