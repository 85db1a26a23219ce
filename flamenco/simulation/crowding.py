"""How many tasks ran at once, where no more may than a limit says. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from flamenco.client import Attempt


class Crowd(NamedTuple):
    """The most attempts that were under way at once, and when that began."""

    size: int
    since: datetime | None


def largest(attempts: Iterable[Attempt]) -> Crowd:
    """Where most attempts were under way; one that ends when another begins makes room for it."""
    found = list(attempts)
    moments = [(each.started, 1) for each in found]
    moments += [(each.ended, -1) for each in found if each.ended is not None]
    most, count = Crowd(0, None), 0
    for moment, change in sorted(moments):  # ends before beginnings
        count += change
        if count > most.size:
            most = Crowd(count, moment)
    return most


def crowded(attempts: Iterable[Attempt], limit: int | None) -> list[str]:
    """A sentence where more were under way than may be."""
    if limit is None or (most := largest(attempts)).size <= limit:
        return []
    return [f"{most.size} tasks ran at once at {most.since}, and the limit is {limit}"]
