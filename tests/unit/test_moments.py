"""Moments of others, in the one form that is stored and compared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flamenco.domain.moments import FIRST, LAST, in_utc


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-02T03:04:05+01:00", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00+03:17", FIRST),
        ("0001-01-01T00:00:00-03:17", datetime(1, 1, 1, 3, 17, tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", LAST),
    ],
)
def test_every_moment_is_one_in_utc(moment: str, expected: datetime) -> None:
    """What is before the first or after the last one is that."""
    found = in_utc(datetime.fromisoformat(moment))
    assert (found, found.tzinfo) == (expected, UTC)
