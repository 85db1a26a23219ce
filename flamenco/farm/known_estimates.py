"""Remembers for a few seconds when jobs will be done: however many look at a list of them, it is looked up once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from flamenco.domain.estimates import Estimate


class KnownEstimates:
    """What was found of each job, and whether that is still fresh. Safe to share between threads.

    `timer` gives seconds.
    """

    KEPT_S: Final = 10.0
    MOST: Final = 10_000

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Estimate | None, float]] = OrderedDict()

    def is_fresh(self, job_id: str) -> bool:
        """Whether it was looked up a moment ago."""
        with self._lock:
            known = self._known.get(job_id)
        return known is not None and self._timer() < known[1]

    def keep(self, job_id: str, found: Estimate | None) -> None:
        """Remember what was found of a job: None where nobody can tell."""
        with self._lock:
            self._known[job_id] = (found, self._timer() + self.KEPT_S)
            self._known.move_to_end(job_id)
            if len(self._known) > self.MOST:
                self._known.popitem(last=False)

    def get(self, job_id: str) -> Estimate | None:
        """What was found of a job last."""
        with self._lock:
            known = self._known.get(job_id)
        return known[0] if known else None
