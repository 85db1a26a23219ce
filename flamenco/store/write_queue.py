"""Who writes next: among the threads of one process, and, by `process_turns`, among the processes of a manager."""

from __future__ import annotations

import threading
import time
from collections import deque

from flamenco.domain.errors import Busy
from flamenco.store.process_turns import GIVEN_S, ProcessTurn


class WriteQueue:
    """Threads that want to write to a database with one writer, in the order in which they came.

    Left to the database, they would all ask it again and again, and who has just come would win as often as who has
    waited for long. Nothing but the order depends on this: that there is one writer at a time is for the database.
    Where another process waits for us to end, as `process` says, it is left to that one for a moment each time.
    """

    def __init__(self, process: ProcessTurn | None = None) -> None:
        self._process = process
        self._lock = threading.Lock()
        self._is_taken = False
        self._given_until = 0.0
        self.waiting: deque[threading.Lock] = deque()
        """Those whose turn is to come, the next one first."""

    def wait(self, timeout_s: float) -> None:
        """Wait for one's turn, which ends by `go_on`. Raises `Busy` when it does not come within `timeout_s`."""
        if not self._begin(timeout_s):
            raise Busy("The database is busy; try again in a moment.")
        if self._process is not None and time.monotonic() < self._given_until:
            self._process.wait(GIVEN_S)

    def go_on(self) -> None:
        """Let the next one have its turn."""
        if self._process is not None and self._process.let_another_go_first():
            self._given_until = time.monotonic() + GIVEN_S
        with self._lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self._is_taken = False

    def _begin(self, timeout_s: float) -> bool:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Lock()  # the least of all that one thread can wait for and another let go
            mine.acquire()
            self.waiting.append(mine)
        if mine.acquire(timeout=timeout_s):
            return True
        with self._lock:
            if mine in self.waiting:
                self.waiting.remove(mine)
                return False
        return True  # it came in the last moment
