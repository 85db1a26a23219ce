"""When a job may start at the earliest: how people write that, and how it is said. Pure.

What people write is by their clock on the wall, so whoever asks says how a moment is told there, and which moment a
time on it is. What is kept are moments.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Final

from msgspec import Struct

from flamenco.domain.durations import parse_nanoseconds
from flamenco.domain.errors import Refused
from flamenco.domain.sleep import DAYS, LocalTime, parse_time

PRESETS: Final = ("+15m", "+1h", "+4h", "tonight 18:00")
"""What people mostly mean."""

NOW: Final = ("", "now")
"""What means that nothing is waited for."""

LATEST: Final = timedelta(days=3660)
"""Nobody plans for longer."""

_TONIGHT: Final = "18:00"
_MORNING: Final = "07:00"
_WORDS: Final = re.compile(r"(?:(?P<day>[a-z]+)\s*)?(?P<time>\d{1,2}:\d{1,2})?", re.ASCII)
_WAYS: Final = "write +1h30m, 18:00, tonight 18:00, tomorrow 7:00, friday 20:00, 2026-12-24 18:00, or now"


class Wall(Struct, frozen=True):
    """A clock on the wall: how it tells a moment, and which moment it is when it shows a time (without a zone)."""

    local: LocalTime = datetime.astimezone
    moment: Callable[[datetime], datetime] = datetime.astimezone


def parse(written: str, now: datetime, wall: Wall) -> datetime | None:
    """The moment that a text such as `tonight 18:00` means; None for now. Raises `Refused`."""
    text = " ".join(written.lower().split())
    if text in NOW:
        return None
    moment = _span(text, now) or _of_day(text, now, wall) or _date(text, wall)
    if moment is None:
        raise Refused(f"start_after: {written!r} is no time to start at; {_WAYS}.")
    if moment <= now:
        raise Refused(f"start_after: {written!r} is over already; {_WAYS}.")
    if moment - now > LATEST:
        raise Refused(f"start_after: {written!r} is more than ten years away.")
    return moment.astimezone(now.tzinfo)


def _span(text: str, now: datetime) -> datetime | None:
    if not text.startswith("+"):
        return None
    try:
        return now + timedelta(microseconds=parse_nanoseconds(text[1:].replace(" ", "")) // 1000)
    except (ValueError, OverflowError) as error:
        raise Refused(f"start_after: {error}") from error


def _of_day(text: str, now: datetime, wall: Wall) -> datetime | None:
    """A time of this or another day: the next one that there is, but of `today`, which may be over."""
    found = _WORDS.fullmatch(text)
    if found is None:
        return None
    day = found["day"] or ""
    if not (found["time"] or day in ("tonight", "tomorrow")):
        return None
    clock = parse_time(found["time"] or (_TONIGHT if day == "tonight" else _MORNING), "start_after")
    shown = wall.local(now)
    days = _days_ahead(day, shown)
    if clock is None or days is None:
        return None
    if day in ("", "tonight") and clock <= shown.time():
        days = 1
    if days == 0 and clock <= shown.time() and day != "today":
        days = len(DAYS)
    return wall.moment(datetime.combine(shown.date() + timedelta(days=days), clock))


def _days_ahead(day: str, shown: datetime) -> int | None:
    """In how many days that day is; 0 for today; None for a word that is no day."""
    if day in ("", "today", "tonight"):
        return 0
    if day == "tomorrow":
        return 1
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for number, (short, name) in enumerate(zip(DAYS, names, strict=True)):
        if day == short or (len(day) > len(short) and name.startswith(day)):
            return (number - shown.weekday()) % len(DAYS)
    return None


def _date(text: str, wall: Wall) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.upper())
        return wall.moment(moment) if moment.tzinfo is None else moment
    except (ValueError, OverflowError):
        return None


def told(
    start: datetime, reason: str, now: datetime, local: LocalTime = datetime.astimezone, what: str = "starts"
) -> str:
    """When a job starts, and why not sooner: `starts at 18:00: the license server is down`; or something else does."""
    there, here = local(start), local(now)
    # Seconds are said where there are any: `+90s` is not over at the minute.
    clock = f"{there:%H:%M:%S}" if there.time().replace(microsecond=0) != _minute(there.time()) else f"{there:%H:%M}"
    when = clock if there.date() == here.date() else f"{there:%Y-%m-%d} {clock}"
    return f"{what} at {when}: {reason}" if reason else f"{what} at {when}"


def _minute(clock: time) -> time:
    return clock.replace(second=0, microsecond=0)
