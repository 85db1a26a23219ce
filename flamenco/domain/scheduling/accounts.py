"""Accounts: what a policy shares the farm between, and how much of what was used still counts."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Usage(Struct, frozen=True):
    """What has gone to one account.

    `seconds` is the time that workers spent on its tasks, what is further back counting for less and less, the time
    of those that are running included; `running` is how many those are.
    """

    seconds: float = 0.0
    running: int = 0


class Account(Struct, frozen=True):
    """What an account of a policy was at: so many seconds, counted at that moment."""

    policy: str
    name: str
    seconds: float
    as_of: datetime

    def left(self, now: datetime, half_life_s: float) -> float:
        """What is left of its seconds by now."""
        return decayed(self.seconds, (now - self.as_of).total_seconds(), half_life_s)


def decayed(seconds: float, age_s: float, half_life_s: float) -> float:
    """What is left of `seconds` that were booked `age_s` ago, when half is left after `half_life_s`."""
    return float(seconds * 0.5 ** (max(0.0, age_s) / half_life_s)) if half_life_s > 0 else 0.0
