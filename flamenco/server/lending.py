"""Whose a connection is: the main thread's, which waits for its client, or, while it is answered, another thread's.

The poller has it all the time: to take it out and put it back for each request would take longer than many a request
does, and so would waking up the main thread each time a request is answered. Only where something comes meanwhile, the
main thread stops watching, and is told of the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Loan:
    """One connection. `lend`, `is_watched` and `interrupt` are for the main thread, `give_back` for the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_lent = False
        self.is_watched: bool = False
        """Whether the poller has it."""

    def lend(self) -> None:
        """From here on it is the other thread's."""
        self._is_lent = True

    def interrupt(self, stop_watching: Callable[[], object]) -> bool:
        """Something comes: where the connection is lent, stop watching it, and wait to be told; whether it is."""
        with self._lock:
            if self._is_lent:
                stop_watching()
                self.is_watched = False
            return self._is_lent

    def give_back(self, wait: Callable[[], object]) -> bool:
        """Have the main thread wait as before, for which it need not be woken up; `wait` is called before that.

        False where it does not watch any more, and has to be told.
        """
        with self._lock:
            if not self.is_watched:
                return False
            wait()
            self._is_lent = False
            return True

    def end(self) -> None:
        """It is the main thread's again, which was told."""
        self._is_lent = False
