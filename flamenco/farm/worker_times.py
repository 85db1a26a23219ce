"""For how long a worker was at tasks, day by day."""

from __future__ import annotations

from typing import Final

from flamenco.domain.worker_days import WorkerDays, after_cut, by_day, first_day
from flamenco.farm.context import Farm
from flamenco.store import worker_times, workers

MOST_TASKS: Final = 10_000
"""So many are looked at; of a worker with very short ones, that is less than all days that are asked for."""

_TRIES: Final = 2
"""So many attempts at each of them, on average; most have one."""


def of_worker(farm: Farm, worker_id: str, days: int) -> WorkerDays:
    """What a worker has done today, and on the days before, so many in all. Raises `NotFound`."""
    now = farm.clock()
    since = first_day(days, now)
    with farm.store.read() as tx:
        key = workers.fetch(tx, worker_id).key
        if cut := worker_times.given_before(tx, key, since, MOST_TASKS):
            since = after_cut(cut, now)
        found = worker_times.runs(tx, key, since, _TRIES * MOST_TASKS)
        if len(found) == _TRIES * MOST_TASKS:
            since = after_cut(found[-1].ended, now)
        found += worker_times.under_way(tx, key, now)
    return by_day(found, since, now)
