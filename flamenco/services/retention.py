"""Does with jobs that ended long ago what the configuration says, a few at a time, so that others get on."""

from __future__ import annotations

import time
from typing import Final

from flamenco.farm import retention
from flamenco.farm.context import Farm
from flamenco.farm.retention import Due

FIRST_AFTER_S: Final = 120.0
EVERY_S: Final = 600.0
"""How often all jobs are looked through."""

AT_ONCE: Final = 20
"""So many jobs are put away before others have their turn."""

PAUSE_S: Final = 0.05


class Retention:
    """Remembers how far it came."""

    def __init__(self) -> None:
        self._after: int | None = 0
        self._found: list[Due] = []

    def tick(self, farm: Farm) -> float:
        """Look at some jobs, or do something with some of those that were found."""
        if not farm.config.retention:
            return EVERY_S
        started = time.monotonic()
        if not self._found and self._after is not None:
            found = retention.some(farm, farm.config.retention, self._after, farm.clock())
            self._found, self._after = found.due, found.next
        now, self._found = self._found[:AT_ONCE], self._found[AT_ONCE:]
        for each in now:
            retention.carry_out(farm, each)
        if self._found or self._after is not None:
            return max(PAUSE_S, time.monotonic() - started)
        self._after = 0
        return EVERY_S
