"""Summing up what the farm has done: each attempt once, some at a time; and showing it, up to this moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from flamenco.domain.roll_ups import MOST_NAMED, OTHERS, STEPS, Group, Run, Span, Sums, bounded, first_of, span, summed
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm.context import Farm
from flamenco.store import roll_ups, statistics
from flamenco.store.engine import Tx

MOST_RUNS: Final = 500
"""So many attempts are counted in one transaction."""

_MOST_UNCOUNTED: Final = 5000
"""So many are looked at that are not counted yet, by who looks at the sums."""


def count_some(farm: Farm, settled: int, most: int = MOST_RUNS) -> bool:
    """Count the next attempts, up to a key. Whether there are more."""
    with farm.store.write() as tx:
        found = roll_ups.uncounted(tx, roll_ups.lock_counted(tx), most, settled)
        runs = first_of(found, farm.clock())
        if runs:
            _count(tx, runs, farm.clock())
            roll_ups.set_counted(tx, runs[-1].key)
    return len(runs) < len(found) or len(found) == most


def take_along(tx: Tx, job_keys: Sequence[int], now: datetime, most: int) -> int:
    """Count attempts at locked jobs that are being deleted, and forget them. How many; `most` if not all."""
    found = roll_ups.uncounted_of_jobs(tx, job_keys, roll_ups.lock_counted(tx), most)
    runs = first_of(found, now)
    if runs:
        _count(tx, runs, now)
        roll_ups.delete_attempts(tx, [run.key for run in runs])
    return len(runs) if len(runs) == len(found) else most


def _count(tx: Tx, runs: Sequence[Run], now: datetime) -> None:
    more = summed(runs, roll_ups.groups_of(tx, (run.job_key for run in runs)), now)
    places = {(row.step, row.at) for row in more}
    roll_ups.add(tx, bounded(more, {place: roll_ups.groups_in(tx, *place) for place in places}))


def sample(farm: Farm) -> None:
    """Note how many workers are awake now."""
    now = farm.clock()
    with farm.store.write() as tx:
        workers = statistics.count_workers(tx)[WorkerStatus.AWAKE]
        for step in STEPS.values():
            roll_ups.sample(tx, step, step.at(now), workers)


def forget(farm: Farm, most: int) -> bool:
    """Drop what is older than it is kept, at most so many rows of each kind. Whether there may be more."""
    with farm.store.write() as tx:
        gone = [roll_ups.forget(tx, step, step.oldest(farm.clock()), most) for step in STEPS.values()]
    return any(number >= most for number in gone)


class Point(Struct, frozen=True):
    """What was done in a step: workers that were busy and awake, on average, and tasks that went well, or did not."""

    at: datetime
    busy_workers: float
    workers: float | None
    completed: int
    failed: int
    seconds: float


class Series(Struct, frozen=True):
    """Points in their order, of the whole farm, and of the groups with most time, the others being one."""

    span: Span
    points: list[Point]
    groups: dict[str, list[Point]]


def series(farm: Farm, step: str, since: datetime | None, until: datetime | None, by: str | None) -> Series:
    """What the farm has done, up to now: also what is not counted yet, and what is not over. Raises `Refused`."""
    now = farm.clock()
    asked = span(STEPS[step], since, until, now)
    with farm.store.read() as tx:
        found = roll_ups.sums(tx, asked.step, asked.since, asked.until, by or "job_type")
        awake = roll_ups.workers_awake(tx, asked.step, asked.since, asked.until)
        runs = [*roll_ups.uncounted(tx, roll_ups.counted(tx), _MOST_UNCOUNTED), *roll_ups.under_way(tx, now)]
        groups = roll_ups.groups_of(tx, (run.job_key for run in runs))
    moments = asked.moments()
    for row, sums in summed(runs, groups, now, [asked.step]).items():
        if asked.since <= row.at < asked.until:
            found.setdefault((row.at, _name(row.group, by)), Sums()).add(sums)
    named = _named(found) if by else {}
    return Series(
        asked,
        _points(asked, now, moments, _whole(found), awake),
        {name: _points(asked, now, moments, of, {}) for name, of in named.items()},
    )


def _name(group: Group, by: str | None) -> str:
    return {"user": group.owner, "project": group.project}.get(by or "", group.job_type)


def _whole(found: dict[tuple[datetime, str], Sums]) -> dict[datetime, Sums]:
    whole: dict[datetime, Sums] = {}
    for (at, _), sums in found.items():
        whole.setdefault(at, Sums()).add(sums)
    return whole


def _named(found: dict[tuple[datetime, str], Sums]) -> dict[str, dict[datetime, Sums]]:
    """By name, most time first; those that are too many are the others."""
    totals: dict[str, float] = {}
    for (_, name), sums in found.items():
        totals[name] = totals.get(name, 0.0) + sums.seconds
    first = sorted((name for name in totals if name != OTHERS.job_type), key=lambda name: (-totals[name], name))
    shown = first[:MOST_NAMED]
    named: dict[str, dict[datetime, Sums]] = {name: {} for name in shown}
    for (at, name), sums in found.items():
        of = named.setdefault(name if name in shown else OTHERS.job_type, {})
        of.setdefault(at, Sums()).add(sums)
    return named


def _points(
    asked: Span, now: datetime, moments: list[datetime], of: dict[datetime, Sums], awake: dict[datetime, float]
) -> list[Point]:
    step = timedelta(seconds=asked.step.seconds)
    points = []
    for at in moments:
        sums = of.get(at, Sums())
        lasted = max(1.0, (min(at + step, now) - at).total_seconds())
        points.append(Point(at, sums.seconds / lasted, awake.get(at), sums.completed, sums.failed, sums.seconds))
    return points
