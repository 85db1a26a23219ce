"""Moments that come from others. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC, as it is stored and compared; the first or the last one for what is beyond those.

    So clients write "never" and "always": the year 1 and the year 9999 end sooner or later in their own time zone.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return FIRST if moment.year == FIRST.year else LAST
