"""What a simulation makes of jobs that wait for each other."""

from __future__ import annotations

from datetime import timedelta

from flamenco.client import Attempt
from flamenco.domain.attempts import Outcome
from flamenco.simulation.crowding import Crowd, crowded, largest
from flamenco.simulation.order import Period, before_their_moment, early, period_of
from flamenco.testing import START


def at(seconds: float) -> Period:
    """A job that somebody was at for a second."""
    return Period(START + timedelta(seconds=seconds), START + timedelta(seconds=seconds + 1))


def test_who_begins_too_early_is_told() -> None:
    """By how much; of what nobody was at, nothing is said."""
    periods = {"a": at(0), "b": at(1), "c": at(1.5), "e": at(0)}
    assert early(["a", "b", "c", "d", "e"], periods) == [
        "job c began 0.5 s before job b ended, which it waits for",
    ]


def test_who_begins_before_their_moment_is_told() -> None:
    """By how much; at the very moment is in time, and of what nobody was at nothing is said."""
    starts = {name: START + timedelta(seconds=10) for name in ("early", "in time", "never")}
    assert before_their_moment(starts, {"early": at(8.5), "in time": at(10), "other": at(0)}) == [
        "job early began 1.5 s before the moment that it was to wait for",
    ]


def test_a_job_is_worked_on_from_its_first_attempt_to_its_last() -> None:
    """Unless somebody is at it still."""

    def attempt(start: int, end: int | None) -> Attempt:
        ended = None if end is None else START + timedelta(seconds=end)
        begun = START + timedelta(seconds=start)
        return Attempt(number=1, started=begun, seconds=1, outcome=Outcome.FAILED, ended=ended)

    whole = Period(START + timedelta(seconds=1), START + timedelta(seconds=5))
    assert period_of([attempt(3, 5), attempt(1, 2)]) == whole
    assert period_of([attempt(3, 5), attempt(4, None)]) is None
    assert period_of([]) is None


def test_how_many_are_under_way_at_once() -> None:
    """One that ends as another begins has made room; more than may be are told."""

    def attempt(start: int, end: int | None) -> Attempt:
        ended = None if end is None else START + timedelta(seconds=end)
        return Attempt(
            number=1, started=START + timedelta(seconds=start), seconds=1, outcome=Outcome.FAILED, ended=ended
        )

    found = [attempt(0, 2), attempt(1, 3), attempt(2, 4), attempt(3, None)]
    assert largest(found) == Crowd(2, START + timedelta(seconds=1))
    assert largest([]) == Crowd(0, None)
    assert crowded(found, 2) == crowded(found, None) == []
    assert crowded(found, 1) == [f"2 tasks ran at once at {START + timedelta(seconds=1)}, and the limit is 1"]
