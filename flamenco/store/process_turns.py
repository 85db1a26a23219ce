"""Who writes next to SQLite, among the processes of a manager: they tell each other, by memory that they share.

SQLite tells nobody that its lock is free. Who waits for it would ask again and again, and mostly in vain while another
process has threads that write one after the other. So who waits says so, and who has written lets a process that waits
go first. That there is one writer at a time is for the database: of this, only the order depends on it, and how long
somebody sleeps. A process that was killed costs another one `GIVEN_S`, once.
"""

from __future__ import annotations

import time
from mmap import mmap
from multiprocessing import get_context
from typing import Final

GIVEN_S: Final = 0.001
"""So long the database is left to a process that was let go first: it has to wake up, and to take the lock."""

_MOST: Final = 16
"""So many processes are told apart. Of two that are not, one may be woken up for the other, and asks in vain."""


class ProcessTurns:
    """What the processes of a manager know of each other; made by the one that they are forked from."""

    def __init__(self) -> None:
        self._wake_ups = [get_context("fork").Semaphore(0) for _ in range(_MOST)]
        self._since = memoryview(mmap(-1, _MOST * 8)).cast("d")

    def of(self, number: int) -> ProcessTurn:
        """That of the process with that number, which no other should have."""
        return ProcessTurn(self, number % _MOST)

    def wait(self, place: int, timeout_s: float) -> None:
        """Be woken up when it may be one's turn, at the latest then."""
        self._since[place] = self._since[place] or time.monotonic()
        self._wake_ups[place].acquire(timeout=timeout_s)

    def stop_waiting(self, place: int) -> None:
        """Say that one waits no more."""
        self._since[place] = 0.0

    def is_anybody_waiting(self, place: int) -> bool:
        """Whether there is one beside that one."""
        return any(since and other != place for other, since in enumerate(self._since.tolist()))

    def wake_another(self, place: int) -> bool:
        """Wake up the process that has waited for longest beside that one; whether there was any."""
        if not any(times := self._since.tolist()):
            return False
        waiting = [(since, other) for other, since in enumerate(times) if since and other != place]
        if not waiting:
            return False
        _, longest = min(waiting)
        self._since[longest] = 0.0  # if it is there, it says so again
        self._wake_ups[longest].release()
        return True


class ProcessTurn:
    """One process among those."""

    def __init__(self, turns: ProcessTurns, place: int) -> None:
        self._turns = turns
        self._place = place

    def wait(self, timeout_s: float) -> None:
        """Wait until it may be our turn, at most so long."""
        self._turns.wait(self._place, timeout_s)

    def came(self) -> None:
        """We write now."""
        self._turns.stop_waiting(self._place)

    def let_another_go_first(self) -> bool:
        """Wake up a process that waits; whether there was one. We are to `wait` for `GIVEN_S` before we write again."""
        return self._turns.wake_another(self._place)
