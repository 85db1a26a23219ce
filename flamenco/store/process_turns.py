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
        self.wake_ups: Final = [get_context("fork").Semaphore(0) for _ in range(_MOST)]
        self.since: Final = memoryview(mmap(-1, _MOST * 8)).cast("d")
        """From when on each has waited, as `time.monotonic`; 0 where it does not."""

    def of(self, number: int) -> ProcessTurn:
        """That of the process with that number, which no other should have."""
        return ProcessTurn(self, number % _MOST)


class ProcessTurn:
    """One process among those."""

    def __init__(self, turns: ProcessTurns, place: int) -> None:
        self._turns = turns
        self._place = place

    def wait(self, timeout_s: float) -> None:
        """Be woken up when it may be our turn, at the latest then."""
        since = self._turns.since
        since[self._place] = since[self._place] or time.monotonic()
        self._turns.wake_ups[self._place].acquire(timeout=timeout_s)

    def came(self) -> None:
        """We write now."""
        self._turns.since[self._place] = 0.0

    def others_waiting(self) -> list[int]:
        """The places of those that wait, who has waited for longest first."""
        if not any(times := self._turns.since.tolist()):
            return []
        return [
            other for since, other in sorted(zip(times, range(_MOST), strict=True)) if since and other != self._place
        ]

    def let_another_go_first(self) -> bool:
        """Wake up a process that waits; whether there was one. We are to `wait` for `GIVEN_S` before we write again."""
        waiting = self.others_waiting()
        if waiting:
            self._turns.since[waiting[0]] = 0.0  # if it is there, it says so again
            self._turns.wake_ups[waiting[0]].release()
        return bool(waiting)
