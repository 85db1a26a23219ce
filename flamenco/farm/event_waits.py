"""Requests that wait for something to happen: how many may, and how they learn of it.

A request that waits keeps a thread, and a process has few of them, which workers need for their tasks. So only every
fourth thread may wait; whoever comes when these are taken is told to ask again. What is waited for is asked of the
database, since it may happen in another process: one small question every `LOOK_EVERY_S` seconds, however many wait or
come again and again, and none while nobody does. No transaction is open in between.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flamenco.store import events
from flamenco.store.engine import Store

LOOK_EVERY_S: Final = 0.5
THREADS_PER_WAITER: Final = 4


class EventWaits:
    """Waits for events of this process's requests. Safe for many threads at once."""

    def __init__(self, store: Store, threads: int) -> None:
        self._store = store
        self._slots = threading.Semaphore(threads // THREADS_PER_WAITER)
        self._stopped = threading.Event()
        self._look = threading.Lock()
        self._looked = float("-inf")
        self._newest = 0
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many requests wait at this moment."""
        return self._waiting

    @contextmanager
    def slot(self) -> Iterator[bool]:
        """A slot to wait in, or False when all are taken."""
        taken = self._slots.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._slots.release()

    def until_beyond(self, cursor: int, deadline: float) -> bool:
        """Wait for an event with a number beyond `cursor`, up to `deadline`, a moment of `time.monotonic`.

        False when there is none. Who waits when the process is to end gets what there is by then: that it ends, too.
        """
        with self._look:
            self._waiting += 1
        try:
            while not self._stopped.is_set():
                if self.newest() > cursor:
                    return True
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                self._stopped.wait(min(LOOK_EVERY_S, left_s))
            return self.newest(0) > cursor
        finally:
            with self._look:
                self._waiting -= 1

    def stop(self) -> None:
        """Let everybody go who waits, and nobody wait any more."""
        self._stopped.set()

    def newest(self, age_s: float = LOOK_EVERY_S) -> int:
        """The number up to which events are there to be read, as it was at most so long ago."""
        with self._look:
            if time.monotonic() - self._looked >= age_s:
                with self._store.read() as tx:
                    self._newest = events.horizon(tx).settled
                self._looked = time.monotonic()
            return self._newest
