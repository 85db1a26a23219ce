"""What a worker has done, by days: those of UTC, as in the roll-ups of the farm. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.attempts import Outcome
from flamenco.domain.roll_ups import STEPS, Run, Sums, parts

DAY: Final = STEPS["1d"]
MOST_DAYS: Final = 90
USUAL_DAYS: Final = 14


class WorkerDays(Struct, frozen=True):
    """Sums by day, the oldest first. What was before `since` is not in them; that may be later than was asked."""

    since: datetime
    days: dict[datetime, Sums]


def first_day(days: int, now: datetime) -> datetime:
    """When the first of so many days began, of which today is the last."""
    return DAY.at(now - timedelta(days=days - 1))


def after_cut(cut: datetime, now: datetime) -> datetime:
    """From when on days are whole, where nothing is known before `cut`; that itself, where it is today."""
    next_day = DAY.at(cut) + timedelta(days=1)
    return next_day if next_day <= now else cut


def by_day(runs: Iterable[Run], since: datetime, now: datetime) -> WorkerDays:
    """What runs add up to on each day after `since`: seconds, and how many of them went well, or did not."""
    first = DAY.at(since)
    days = {first + timedelta(days=number): Sums() for number in range((now - first).days + 1)}
    for run in runs:
        for at, seconds in parts(replace(run, started=max(run.started, since)), DAY, first):
            if at in days:
                days[at].seconds += seconds
        if run.ended > since and (of := days.get(DAY.at(run.ended))):
            of.completed += run.outcome is Outcome.COMPLETED
            of.failed += run.outcome in (Outcome.FAILED, Outcome.LOST)
    return WorkerDays(since, days)
