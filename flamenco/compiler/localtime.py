"""The manager's time zone as data, for scripts: V8 does not know every zone that the operating system knows."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Zone = list[tuple[int, int, str]]
"""(milliseconds since 1970 from which on it holds, offset from UTC in seconds, its name), ascending."""

_YEARS_AROUND = 10
_FIRST_YEAR = 1971  # Windows cannot convert earlier times
_LAST_YEAR = 2200
_STEP = timedelta(days=20)
"""Shorter than any summer time, so that no change of the offset hides between two steps."""


def zone_around(moment: datetime) -> Zone:
    """The offsets of local time for the years around `moment`."""
    # The names and offsets of the zone are part of the key for whoever changes TZ while running.
    return _zone(moment.year, (*time.tzname, time.timezone, time.altzone))


@lru_cache(maxsize=16)
def _zone(year: int, _zone_key: tuple[object, ...]) -> Zone:
    middle = min(max(year, _FIRST_YEAR + _YEARS_AROUND), _LAST_YEAR - _YEARS_AROUND)
    moment = datetime(middle - _YEARS_AROUND, 1, 1, tzinfo=UTC)
    end = datetime(middle + _YEARS_AROUND, 1, 1, tzinfo=UTC)
    zone = [_from(moment)]
    while moment < end:
        later = moment + _STEP
        if _offset(later) != zone[-1][1]:
            change = _change(moment, later)
            zone.append(_from(change))
        moment = later
    return zone


def _from(moment: datetime) -> tuple[int, int, str]:
    return _milliseconds(moment), _offset(moment), moment.astimezone().tzname() or ""


def _change(before: datetime, after: datetime) -> datetime:
    """The second at which the offset becomes that of `after`."""
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if _offset(middle) == _offset(before) else (before, middle)
    return after


def _offset(moment: datetime) -> int:
    offset = moment.astimezone().utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
