"""When a job starts, as people write it by the clock on their wall, and as it is said to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.errors import Refused
from flamenco.domain.start_times import PRESETS, Wall, parse, told

BERLIN = ZoneInfo("Europe/Berlin")
WALL = Wall(local=lambda moment: moment.astimezone(BERLIN), moment=lambda naive: naive.replace(tzinfo=BERLIN))
NOW = datetime(2026, 3, 27, 13, 30, tzinfo=UTC)
"""A Friday, half past two in Berlin; on Sunday clocks are put forward there."""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+15m", "2026-03-27 13:45"),
        ("+1h", "2026-03-27 14:30"),
        ("+ 1h30m", "2026-03-27 15:00"),
        ("18:00", "2026-03-27 17:00"),
        ("8:05", "2026-03-28 07:05"),
        ("tonight 18:00", "2026-03-27 17:00"),
        ("Tonight", "2026-03-27 17:00"),
        ("tonight 2:00", "2026-03-28 01:00"),
        ("today 23:59", "2026-03-27 22:59"),
        ("tomorrow", "2026-03-28 06:00"),
        ("tomorrow 7:00", "2026-03-28 06:00"),
        ("sunday 20:00", "2026-03-29 18:00"),
        ("mo 7:00", "2026-03-30 05:00"),
        ("friday 18:00", "2026-03-27 17:00"),
        ("fri 8:00", "2026-04-03 06:00"),
        ("2026-12-24 18:00", "2026-12-24 17:00"),
        ("2026-12-24T18:00:00Z", "2026-12-24 18:00"),
        ("2026-12-24t18:00+05:00", "2026-12-24 13:00"),
    ],
)
def test_what_people_write(written: str, expected: str) -> None:
    """By the clock on the wall, also beyond the day on which it is put forward; what is kept is a moment."""
    moment = parse(written, NOW, WALL)
    assert moment is not None
    assert (moment.tzinfo, f"{moment:%Y-%m-%d %H:%M}") == (UTC, expected)


@pytest.mark.parametrize("written", ["", "now", " NOW "])
def test_now(written: str) -> None:
    """Means that nothing is waited for."""
    assert parse(written, NOW, WALL) is None


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("soon", "'soon' is no time to start at; write +1h30m, 18:00"),
        ("someday 18:00", "is no time to start at"),
        ("monday", "is no time to start at"),
        ("25:00", "is no time of day"),
        ("+soon", "is not a duration"),
        ("+-1h", "is over already"),
        ("today 8:00", "is over already"),
        ("2020-01-01", "is over already"),
        ("+900000h", "is more than ten years away"),
        ("9999-12-31 23:59", "is more than ten years away"),
    ],
)
def test_what_is_no_start(written: str, complaint: str) -> None:
    """Is refused by a sentence that says what can be written."""
    with pytest.raises(Refused, match=f"start_after: .*{complaint.replace('+', '.')}"):
        parse(written, NOW, WALL)


@given(st.sampled_from(PRESETS), st.integers(0, 5_000_000))
def test_presets_are_always_ahead(preset: str, minutes: int) -> None:
    """By a day at most, summer time or not."""
    now = NOW + timedelta(minutes=minutes)
    start = parse(preset, now, WALL)
    assert start is not None
    assert timedelta(0) < start - now <= timedelta(hours=25)


@given(st.text(max_size=20))
def test_any_text(text: str) -> None:
    """Is a moment, or refused."""
    try:
        start = parse(text, NOW, WALL)
    except Refused:
        return
    assert start is None or start > NOW


def test_what_is_said() -> None:
    """The time alone where it is today, and the reason where there is one."""
    there = datetime(2026, 3, 27, 17, 0, tzinfo=UTC)
    assert told(there, "the license server is down", NOW, WALL.local) == "starts at 18:00: the license server is down"
    assert told(there + timedelta(days=2), "", NOW, WALL.local) == "starts at 2026-03-29 19:00"
    assert told(NOW + timedelta(seconds=90), "", NOW, WALL.local) == "starts at 14:31:30"
