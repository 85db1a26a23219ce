"""Moments as Go and SQLite write them into a text. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,18}))?"  # day, time, fraction
    r" ?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"  # the offset; none is UTC
    r"(?: [A-Za-z+-][A-Za-z0-9+-]{0,9})?"  # what Go calls the zone
    r"(?: m=[+-][0-9.]+)?",  # Go's monotonic clock
    re.ASCII,
)
_MICROSECONDS: Final = 6
_ZERO_YEAR: Final = 1
_REMEMBERED: Final = 1_000
"""So many are remembered: the tasks of a job were made at one moment."""


@lru_cache(_REMEMBERED)
def parse(text: str) -> datetime | None:
    """The moment in UTC, cut to microseconds; None for an empty text and for Go's zero. Raises `ValueError`.

    Such as `2026-11-28 16:41:32.1959728 +0000 UTC m=+0.012`, RFC 3339, or SQLite's own `2026-11-28 16:41:32`.
    """
    text = text.strip()
    if not text:
        return None
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:60]!r} is no moment")
    day, clock, fraction, _, sign, hours, minutes = found.groups()
    local = datetime.fromisoformat(f"{day}T{clock}")
    if local.year == _ZERO_YEAR:
        return None
    micro = int((fraction or "")[:_MICROSECONDS].ljust(_MICROSECONDS, "0"))
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        return local.replace(microsecond=micro, tzinfo=timezone(offset)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text[:60]!r} is no moment") from error
