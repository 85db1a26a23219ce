"""Moments in old databases: every way of writing one gives the same, and nothing else is taken for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.migration.moments import parse

_MINUTE = timedelta(minutes=1)
OFFSETS = st.integers(-14 * 60, 14 * 60)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2261, 1, 1))  # noqa: DTZ001 - the zone is put to it below


@given(MOMENTS, OFFSETS, st.integers(0, 9), st.sampled_from(["", " UTC", " CEST", " +03"]), st.booleans())
def test_what_go_writes(local: datetime, minutes: int, digits: int, zone: str, monotonic: bool) -> None:
    """In any zone, with as many digits of a second as there are, and with what the clock of the process said."""
    sign, ahead = "-" if minutes < 0 else "+", abs(minutes)
    fraction = f"{local.microsecond:06}123"[:digits]
    text = f"{local:%Y-%m-%d %H:%M:%S}{'.' if digits else ''}{fraction} {sign}{ahead // 60:02}{ahead % 60:02}{zone}"
    text += " m=+12.345" if monotonic else ""
    known = local.replace(microsecond=int(fraction[:6].ljust(6, "0")), tzinfo=timezone(minutes * _MINUTE))
    assert parse(text) == known


@given(MOMENTS, OFFSETS)
def test_rfc_3339(local: datetime, minutes: int) -> None:
    """As Python writes it as well."""
    moment = local.replace(tzinfo=timezone(minutes * _MINUTE))
    assert parse(moment.isoformat()) == moment
    assert parse(local.isoformat() + "Z") == local.replace(tzinfo=UTC)
    assert parse(local.isoformat(" ")) == local.replace(tzinfo=UTC)  # as SQLite does, of UTC


@given(st.text(max_size=40))
def test_anything_else(text: str) -> None:
    """It is a moment in UTC, none, or refused, and nothing else goes wrong."""
    try:
        found = parse(text)
    except ValueError:
        return
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "  ", "0001-01-01 00:00:00 +0000 UTC", "0001-01-01T00:00:00Z"])
def test_none(text: str) -> None:
    """Neither an empty text nor Go's zero is one."""
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "2026-13-01 00:00:00", "2026-01-01", "2026-01-01 25:00:00", "9999-12-31 23:59:59 -0100"),
        *("2026-01-01 00:00:00 +9900", "2026-01-01 00:00:00 +0000 UTC; DROP TABLE jobs", "٢٠٢٦-01-01 00:00:00"),
    ],
)
def test_nonsense(text: str) -> None:
    """It is refused."""
    with pytest.raises(ValueError, match=r".+"):
        parse(text)
