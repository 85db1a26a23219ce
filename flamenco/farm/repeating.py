"""Trouble that goes on is logged once a minute, not as often as it is met."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY_S = 60.0


class Repeated:
    """Counts what is not logged. Safe to share between threads; `timer` gives seconds."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._logged: dict[str, tuple[float, int]] = {}

    def times(self, what: str) -> int:
        """How often it happened since it was logged last, this time included; 0 when it is not to be logged yet."""
        now = self._timer()
        with self._lock:
            logged, left_out = self._logged.get(what, (-EVERY_S, 0))
            if now - logged < EVERY_S:
                self._logged[what] = (logged, left_out + 1)
                return 0
            self._logged[what] = (now, 0)
            return left_out + 1
