"""When workers sleep: schedules, what they say at a moment, and when they may next say something else.

A schedule speaks of days and of times of day, so of local time; whoever asks says how a moment is told locally. When
clocks are put forward or back, it goes by what the clock on the wall shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.errors import Refused
from flamenco.domain.model import Worker
from flamenco.domain.statuses import WorkerStatus

DAYS: Final = ("mo", "tu", "we", "th", "fr", "sa", "su")
"""The days of the week as schedules write them, Monday first, as Python counts them."""

LocalTime = Callable[[datetime], datetime]
"""Tells a moment in local time: the same moment, in another zone."""

_LETTERS: Final = 2
_TIME: Final = re.compile(r"\s*(\d{1,2}):(\d{1,2})\s*", re.ASCII)
_MIDNIGHT: Final = time()
_SECOND: Final = timedelta(seconds=1)


class SleepSchedule(Struct, frozen=True, kw_only=True):
    """On which days a worker sleeps, and from when to when.

    No days are all days; without a start it sleeps from midnight on, without an end until midnight. `end` is the first
    moment at which it is awake again. With an end before the start it sleeps over midnight, and the days are those on
    which it falls asleep. One that is not active says nothing but "awake".
    """

    is_active: bool
    days: tuple[str, ...] = ()
    start: time | None = None
    end: time | None = None

    @property
    def days_text(self) -> str:
        """The days in one text, as people write them and the database keeps them."""
        return " ".join(self.days)


def schedule_from(*, is_active: bool, days: str, start: str, end: str) -> SleepSchedule:
    """The schedule that somebody wrote down. Raises `Refused` for a day or time that is none."""
    starts, ends = parse_time(start, "start_time"), parse_time(end, "end_time")
    return SleepSchedule(is_active=is_active, days=parse_days(days), start=starts, end=ends)


def parse_days(written: str) -> tuple[str, ...]:
    """The days in a text such as `Monday tue fr`: of each word, the first two letters count. Raises `Refused`."""
    days = tuple(word[:_LETTERS] for word in written.lower().split())
    for day in days:
        if day not in DAYS:
            raise Refused(f"days_of_week: there is no day {day!r}; write some of: {' '.join(DAYS)}.")
    return days


def parse_time(written: str, field: str) -> time | None:
    """The time of day in a text such as `9:30`; None for an empty one. Raises `Refused`, which names the field."""
    if not written:
        return None
    if found := _TIME.fullmatch(written):
        try:
            return time(int(found[1]), int(found[2]))
        except ValueError:
            pass  # no such hour or minute
    raise Refused(f"{field}: {written!r} is no time of day; write it as HH:MM, from 00:00 to 23:59, or leave it empty.")


def write_time(moment: time | None) -> str:
    """The time of day as `HH:MM`, or an empty text for none."""
    return "" if moment is None else f"{moment:%H:%M}"


def status_at(schedule: SleepSchedule | None, moment: datetime, local: LocalTime) -> WorkerStatus:
    """What a worker with that schedule, or with none, is to be at `moment`: awake or asleep."""
    if schedule is None or not schedule.is_active:
        return WorkerStatus.AWAKE
    now = local(moment)
    clock, start, end = now.time(), schedule.start, schedule.end
    is_before_end = end is None or clock < end
    if start is not None and end is not None and end < start:
        # Of a night, the part before midnight belongs to today, and the part after it to yesterday.
        began = now.weekday() if clock >= start else now.weekday() - 1
        is_asleep = _is_on(schedule, began) and (clock >= start or is_before_end)
    else:
        is_asleep = _is_on(schedule, now.weekday()) and (start is None or clock >= start) and is_before_end
    return WorkerStatus.ASLEEP if is_asleep else WorkerStatus.AWAKE


def _is_on(schedule: SleepSchedule, weekday: int) -> bool:
    """Whether the schedule counts on that day of the week; the one before Monday is Sunday."""
    return not schedule.days or DAYS[weekday] in schedule.days


def asked(worker: Worker, status: WorkerStatus) -> Worker:
    """The worker after its schedule asked it to be awake or asleep, whatever else it was asked for before.

    One in error is left alone until it signs on, and one that is as it should be is asked for nothing. A worker that
    is as it should be, and was asked for something else, may be on its way there; it is asked to come back, but not
    to give up its task for that.
    """
    is_so = worker.status is status
    if worker.status is WorkerStatus.ERROR or (is_so and worker.status_requested is None):
        return worker
    return replace(worker, status_requested=status, lazy_request=is_so)


def next_check(schedule: SleepSchedule, moment: datetime, local: LocalTime) -> datetime:
    """Up to when what the schedule says at `moment` holds for certain: the next midnight, start or end.

    Or, if that comes earlier, the second at which clocks are put forward or back.
    """
    wall = local(moment).replace(tzinfo=None)
    today = [
        datetime.combine(wall.date(), each)
        for each in (schedule.start, schedule.end)
        if each is not None and each > wall.time()
    ]
    then = moment + (min([*today, datetime.combine(wall.date() + timedelta(days=1), _MIDNIGHT)]) - wall)
    if _offset(then, local) == _offset(moment, local):
        return then
    return _change(moment, then, local)


def _change(before: datetime, after: datetime, local: LocalTime) -> datetime:
    """The second in between from which on local time differs from UTC by something else than at `before`."""
    offset = _offset(before, local)
    before -= timedelta(microseconds=before.microsecond)
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        before, after = (middle, after) if _offset(middle, local) == offset else (before, middle)
    return after


def _offset(moment: datetime, local: LocalTime) -> timedelta | None:
    return local(moment).utcoffset()
