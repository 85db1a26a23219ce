"""Trouble that goes on: the log has it once a minute, not as often as it is met."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY_S = 60.0


class Repeated:
    """Counts what is not said. Safe to share between threads; `timer` gives seconds."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._said: dict[str, tuple[float, int]] = {}

    def times(self, what: str) -> int:
        """How often it happened since it was said last, this time included; 0 when it is not to be said again yet."""
        now = self._timer()
        with self._lock:
            said, kept_quiet = self._said.get(what, (-EVERY_S, 0))
            if now - said < EVERY_S:
                self._said[what] = (said, kept_quiet + 1)
                return 0
            self._said[what] = (now, 0)
            return kept_quiet + 1
