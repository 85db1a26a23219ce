"""When is a task or a worker considered lost? Pure: moments enter as arguments.

When somebody was heard of last is stored as the manager's clock had it then, and clocks are moved: by hand, or when a
machine finds out what time it is. So nobody is lost by what the clock shows alone, only when nothing came for as long
as the time-out while somebody watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from flamenco.domain.statuses import WorkerStatus

CANNOT_TIME_OUT = frozenset({WorkerStatus.ERROR, WorkerStatus.OFFLINE, WorkerStatus.REGISTERED})
"""Workers that are gone already, or were never here."""

STEP_S: Final = 2.0
"""A clock that differs by more than that from the time that passed was moved."""


class Moment(Struct, frozen=True):
    """What the clock shows, and what a timer does that nobody moves."""

    clock: datetime
    timer_s: float


def was_moved(before: Moment, now: Moment) -> bool:
    """Whether somebody put the clock forward or back in between."""
    by_clock = (now.clock - before.clock).total_seconds()
    return abs(by_clock - (now.timer_s - before.timer_s)) > STEP_S


class Silence(Struct, frozen=True):
    """When something was heard of last, by the clock of then, and for how long nothing came since."""

    last_heard: datetime
    seconds: float


class Watch(Struct, frozen=True):
    """What somebody who watches knew when looking last, at `at`; nothing at the beginning."""

    at: Moment
    silences: Mapping[str, Silence] = {}

    def look(self, last_heard: Mapping[str, datetime], now: Moment) -> Watch:
        """Look again, at those that could be lost: when each was heard of last."""
        passed = now.timer_s - self.at.timer_s
        is_clock_right = not was_moved(self.at, now)

        def since(key: str, last: datetime) -> float:
            before = self.silences.get(key)
            if before is not None and before.last_heard == last:
                return before.seconds + passed
            # It was heard of since the last look: by the clock's word it is known when, if that was not moved.
            return min(max(0.0, (now.clock - last).total_seconds()), passed) if is_clock_right else 0.0

        return Watch(now, {key: Silence(last, since(key, last)) for key, last in last_heard.items()})

    def lost(self, timeout_s: float) -> list[str]:
        """Those of which nothing came for as long as that, in the order given; none for 0, which switches this off."""
        if timeout_s <= 0:
            return []
        return [key for key, silence in self.silences.items() if silence.seconds >= timeout_s]
