"""What this manager process measures of itself: how long requests took, by operation.

Kept in memory, since measuring must cost next to nothing; a chore writes it down for the other processes to show.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from bisect import bisect_left

from flamenco.hooks.statistics import REQUEST_BOUNDS_S, RequestTimes

_CLASSES = len(REQUEST_BOUNDS_S) + 1


class RequestHistograms:
    """Counts how many requests of each operation were answered within which time. Safe for many threads at once.

    `process` is a name that no other process has, nor will have.
    """

    def __init__(self) -> None:
        self.process = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._lock = threading.Lock()
        self._counts: dict[str, list[int]] = {}
        self._total_s: dict[str, float] = {}

    def add(self, operation: str, seconds: float) -> None:
        """Count one request."""
        place = bisect_left(REQUEST_BOUNDS_S, seconds)
        with self._lock:
            if operation not in self._counts:
                self._counts[operation], self._total_s[operation] = [0] * _CLASSES, 0.0
            self._counts[operation][place] += 1
            self._total_s[operation] += seconds

    def so_far(self) -> list[RequestTimes]:
        """What was counted since the start, by operation."""
        with self._lock:
            return [
                RequestTimes(process=self.process, operation=name, counts=tuple(counts), total_s=self._total_s[name])
                for name, counts in sorted(self._counts.items())
            ]
