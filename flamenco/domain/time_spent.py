"""For how long tasks have been run, and silent, in their present attempts, as somebody knows who looks now and then.

Pure. Clocks are moved, so what passes between two looks is told by a timer; the clock says only when an attempt began
that was not seen beginning, where it was not moved meanwhile. Signs of life are compared, and never their times, which
are those of another machine: whoever begins to look takes nothing for silent.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime

from msgspec import Struct

from flamenco.domain.timeouts import Moment, was_moved


class Life(Struct, frozen=True):
    """What an attempt shows when somebody looks: its number, when it began, and whatever changes while it is alive."""

    attempt: int
    started: datetime | None
    sign: Hashable = None


class Spent(Struct, frozen=True):
    """What an attempt has used so far, in seconds."""

    attempt: int
    sign: Hashable
    run_s: float
    silent_s: float


class TimeSpent(Struct, frozen=True):
    """What running attempts had used when somebody looked last, at `at`, by the row numbers of their tasks."""

    at: Moment
    attempts: Mapping[int, Spent] = {}

    def look(self, running: Mapping[int, Life], now: Moment) -> TimeSpent:
        """Look again, at those that are running."""
        passed = max(0.0, now.timer_s - self.at.timer_s)
        is_clock_right = not was_moved(self.at, now)

        def spent(task_key: int, life: Life) -> Spent:
            before = self.attempts.get(task_key)
            if before is None or before.attempt != life.attempt:
                run_s = (now.clock - life.started).total_seconds() if life.started and is_clock_right else 0.0
                return Spent(life.attempt, life.sign, max(0.0, run_s), 0.0)
            silent_s = before.silent_s + passed if before.sign == life.sign else 0.0
            return Spent(life.attempt, life.sign, before.run_s + passed, silent_s)

        return TimeSpent(now, {key: spent(key, life) for key, life in running.items()})
