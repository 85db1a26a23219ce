"""Sleep schedules: what people may write, what a schedule says when, and up to when that holds."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.errors import Refused
from flamenco.domain.sleep import (
    DAYS,
    LocalTime,
    SleepSchedule,
    next_check,
    parse_days,
    parse_time,
    schedule_from,
    status_at,
    write_time,
)
from flamenco.domain.statuses import WorkerStatus

WEEK = SleepSchedule(is_active=True, days=DAYS[:5], start=time(9), end=time(18))
FRIDAY, SATURDAY = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)

ZONES = ["UTC", "Europe/Amsterdam", "America/New_York", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe"]
"""Among them zones that put their clocks forward at midnight, back to the day before, and by half an hour."""


def local_in(zone: str) -> LocalTime:
    """How moments are told in that zone."""
    return lambda moment: moment.astimezone(ZoneInfo(zone))


def utc(moment: datetime) -> datetime:
    """The local time of a machine in UTC."""
    return moment


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        (FRIDAY + timedelta(hours=8, minutes=59), "awake"),
        (FRIDAY + timedelta(hours=9), "asleep"),
        (FRIDAY + timedelta(hours=17, minutes=59), "asleep"),
        (FRIDAY + timedelta(hours=18), "awake"),
        (SATURDAY + timedelta(hours=12), "awake"),
    ],
)
def test_office_hours(moment: datetime, status: str) -> None:
    """A worker sleeps from the start on, is awake again at the end, and on the other days all day."""
    assert status_at(WEEK, moment, utc) == status


@pytest.mark.parametrize(
    ("start", "end", "asleep_at"),
    [
        ("", "", [0, 12, 23]),
        ("", "9:00", [0]),
        ("9:00", "", [12, 23]),
        ("12:00", "12:00", []),
        ("18:00", "9:00", [0, 23]),
    ],
)
def test_open_ends(start: str, end: str, asleep_at: list[int]) -> None:
    """Without a start it sleeps from midnight, without an end until midnight; an end before the start is a night."""
    schedule = schedule_from(is_active=True, days="", start=start, end=end)
    hours = [hour for hour in (0, 12, 23) if status_at(schedule, SATURDAY + timedelta(hours=hour), utc) == "asleep"]
    assert hours == asleep_at


@pytest.mark.parametrize("schedule", [None, SleepSchedule(is_active=False)])
def test_no_schedule(schedule: SleepSchedule | None) -> None:
    """Without a schedule, or with one that is not active, a worker is awake."""
    assert status_at(schedule, FRIDAY, utc) is WorkerStatus.AWAKE


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("", ()),
        ("mo tu we th fr sa su", DAYS),
        ("  Monday\tTUE  we ", ("mo", "tu", "we")),
        ("su mo", ("su", "mo")),
        ("mo, tu", ("mo", "tu")),
    ],
)
def test_days(written: str, days: tuple[str, ...]) -> None:
    """Days are written in any case, at any length, with any space between them; their order stays."""
    assert parse_days(written) == days


@pytest.mark.parametrize("written", ["m", "mo x", "xx", ",", "mo \U0001f4a4"])
def test_days_that_are_none(written: str) -> None:
    """A word that begins like no day is refused, and the message says which days there are; one letter is no day."""
    with pytest.raises(Refused, match=r"days_of_week.*mo tu we"):
        parse_days(written)


@pytest.mark.parametrize(
    ("written", "expected"), [("", None), ("09:00", time(9)), ("9:5", time(9, 5)), (" 23:59 ", time(23, 59))]
)
def test_times(written: str, expected: time | None) -> None:
    """Hours and minutes have one digit or two; an empty text is no time."""
    assert parse_time(written, "start_time") == expected


@pytest.mark.parametrize(
    "written", ["24:00", "9:60", "9", ":", "9:", "-1:00", "9:00:00", "nine", "\u0669:\u0660\u0660", " ", "1:2\n3"]
)
def test_times_that_are_none(written: str) -> None:
    """What is no time of day is refused; the message names the field."""
    with pytest.raises(Refused, match=r"^end_time"):
        parse_time(written, "end_time")


@given(st.times())
def test_times_are_read_back(moment: time) -> None:
    """What is written of a time is read as that time, to the minute."""
    assert parse_time(write_time(moment), "start_time") == moment.replace(second=0, microsecond=0)
    assert write_time(None) == ""


minutes = st.times().map(lambda each: each.replace(second=0, microsecond=0))
schedules = st.builds(
    schedule_from,
    is_active=st.just(value=True),
    days=st.lists(st.sampled_from(DAYS)).map(" ".join),
    start=st.none().map(write_time) | minutes.map(write_time),
    end=st.none().map(write_time) | minutes.map(write_time),
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
# Around the days on which one of these zones changes its clocks.
changes = st.sampled_from(
    [datetime(2021, month, day, tzinfo=UTC) for month, day in [(3, 14), (3, 28), (4, 4), (10, 3), (10, 31), (11, 7)]]
)
near_changes = st.builds(lambda day, hours: day + timedelta(hours=hours), changes, st.floats(-30, 30))


@given(schedules, moments | near_changes, st.sampled_from(ZONES))
def test_the_status_holds_up_to_the_next_check(schedule: SleepSchedule, moment: datetime, zone: str) -> None:
    """Whenever somebody looks, the schedule says the same up to the next check, and that comes within a day or so."""
    local = local_in(zone)
    check = next_check(schedule, moment, local)
    assert moment < check <= moment + timedelta(hours=25)
    status = status_at(schedule, moment, local)
    step = (check - moment) / 97
    last = check - timedelta(microseconds=1)
    assert {status_at(schedule, min(moment + n * step, last), local) for n in range(98)} == {status}
    assert status_at(schedule, last, local) is status


@pytest.mark.parametrize(
    ("moment", "check"),
    [
        (datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC)),  # midnight
        (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),  # at two it is three
        (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),  # 2:30 has passed unseen
        (datetime(2026, 10, 25, 0, 45, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),  # at three it is two
        (datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),  # the second 2:30
    ],
)
def test_when_clocks_are_changed(moment: datetime, check: datetime) -> None:
    """A time that does not exist that day, or exists twice, is dealt with as the clock on the wall shows."""
    schedule = SleepSchedule(is_active=True, start=time(2, 30))
    assert next_check(schedule, moment, local_in("Europe/Amsterdam")) == check


NIGHT = schedule_from(is_active=True, days="fr", start="22:00", end="6:00")


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        (FRIDAY, "awake"),  # which is the end of Thursday's night
        (FRIDAY + timedelta(hours=5, minutes=59), "awake"),
        (FRIDAY + timedelta(hours=12), "awake"),
        (FRIDAY + timedelta(hours=21, minutes=59), "awake"),
        (FRIDAY + timedelta(hours=22), "asleep"),
        (SATURDAY - timedelta(microseconds=1), "asleep"),
        (SATURDAY, "asleep"),
        (SATURDAY + timedelta(hours=5, minutes=59), "asleep"),
        (SATURDAY + timedelta(hours=6), "awake"),
        (SATURDAY + timedelta(hours=22), "awake"),
        (SATURDAY + timedelta(days=1), "awake"),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: datetime, status: str) -> None:
    """A worker that sleeps from Friday 22:00 to 6:00 does so until Saturday 6:00, and in no other night."""
    assert status_at(NIGHT, moment, utc) == status


def test_the_night_from_sunday_to_monday() -> None:
    """The week begins anew and the night goes on; without days, every night is one."""
    monday = SATURDAY + timedelta(days=2)
    sundays = schedule_from(is_active=True, days="su", start="22:00", end="6:00")
    mondays = schedule_from(is_active=True, days="mo", start="22:00", end="6:00")
    every = schedule_from(is_active=True, days="", start="22:00", end="6:00")
    found = [status_at(each, monday + timedelta(hours=3), utc) for each in (sundays, mondays, every)]
    assert found == ["asleep", "awake", "asleep"]


def test_a_night_until_midnight() -> None:
    """An end at 0:00 is the midnight at which the day ends, for it comes after the start."""
    schedule = schedule_from(is_active=True, days="fr", start="22:00", end="0:00")
    moments = [FRIDAY, SATURDAY - timedelta(minutes=1), SATURDAY]
    assert [status_at(schedule, each, utc) for each in moments] == ["awake", "asleep", "awake"]


@pytest.mark.parametrize(
    ("zone", "moment", "status"),
    [
        ("Europe/Amsterdam", datetime(2026, 3, 28, 20, 59, tzinfo=UTC), "awake"),
        ("Europe/Amsterdam", datetime(2026, 3, 28, 21, tzinfo=UTC), "asleep"),
        ("Europe/Amsterdam", datetime(2026, 3, 29, 3, 59, tzinfo=UTC), "asleep"),  # 5:59 of the short night
        ("Europe/Amsterdam", datetime(2026, 3, 29, 4, tzinfo=UTC), "awake"),
        ("Europe/Amsterdam", datetime(2026, 10, 24, 20, tzinfo=UTC), "asleep"),
        ("Europe/Amsterdam", datetime(2026, 10, 25, 4, 59, tzinfo=UTC), "asleep"),  # 5:59 of the long night
        ("Europe/Amsterdam", datetime(2026, 10, 25, 5, tzinfo=UTC), "awake"),
        ("America/Havana", datetime(2026, 3, 8, 4, 59, tzinfo=UTC), "asleep"),  # 23:59 of Saturday
        ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC), "asleep"),  # 1:00 of Sunday, at once
        ("America/Havana", datetime(2026, 3, 8, 10, tzinfo=UTC), "awake"),
    ],
)
def test_the_nights_on_which_clocks_are_changed(zone: str, moment: datetime, status: str) -> None:
    """They are an hour shorter or longer: a worker sleeps from 22:00 to 6:00 as the clock on the wall shows."""
    schedule = schedule_from(is_active=True, days="sa", start="22:00", end="6:00")
    assert status_at(schedule, moment, local_in(zone)) == status
