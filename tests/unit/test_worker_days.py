"""What a worker has done, by days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flamenco.domain.attempts import Outcome
from flamenco.domain.roll_ups import Run
from flamenco.domain.worker_days import after_cut, by_day, first_day

MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(hours=10)
HOUR = 3600.0


def ran(start_h: float, hours: float, outcome: Outcome = Outcome.COMPLETED) -> Run:
    """An attempt that began so many hours after today's midnight, or before."""
    started = MIDNIGHT + timedelta(hours=start_h)
    return Run(1, 1, started, started + timedelta(hours=hours), outcome)


def test_each_day_has_what_was_in_it() -> None:
    """What goes on over midnight is split; it counts as done where it ended. Days of rest are there too."""
    runs = [ran(8, 2, Outcome.ACTIVE), ran(-2, 3), ran(-50, 1, Outcome.FAILED), ran(-52, 1, Outcome.LOST)]
    found = by_day([*runs, ran(-53, 1, Outcome.CANCELED)], first_day(4, NOW), NOW)
    assert [day.day for day in found.days] == [27, 28, 29, 30]
    assert [(sums.seconds, sums.completed, sums.failed) for sums in found.days.values()] == [
        (3 * HOUR, 0, 2),
        (0.0, 0, 0),
        (2 * HOUR, 0, 0),
        (3 * HOUR, 1, 0),
    ]


def test_what_was_before_is_left_out() -> None:
    """Of what began before the first day, what is in it counts; of what ended before, nothing."""
    found = by_day([ran(-2, 3), ran(-5, 1)], first_day(1, NOW), NOW)
    assert [(sums.seconds, sums.completed) for sums in found.days.values()] == [(HOUR, 1)]
    part = by_day([ran(3, 2), ran(0, 1), ran(3, 1)], MIDNIGHT + timedelta(hours=4), NOW)
    assert [(day, sums.seconds, sums.completed) for day, sums in part.days.items()] == [(MIDNIGHT, HOUR, 1)]


@pytest.mark.parametrize(("cut_h", "since_h"), [(-30, -24), (-1, 0), (0, 0), (3, 3)])
def test_days_are_whole(cut_h: float, since_h: float) -> None:
    """What is not known whole is not said, but for today."""
    assert after_cut(MIDNIGHT + timedelta(hours=cut_h), NOW) == MIDNIGHT + timedelta(hours=since_h)
