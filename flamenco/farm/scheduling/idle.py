"""Workers that wait for work ask again and again: those that were given nothing are first looked at without a lock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flamenco.domain.model import Worker
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm.context import Farm
from flamenco.store.scheduling import claim

NOTED_EVERY: Final = timedelta(seconds=10)
"""How often it is noted of a worker that waits that it was heard of; a part of its time-out, when that is shorter."""

_OF_TIMEOUT: Final = 4


def is_idle_still(farm: Farm, worker: Worker, now: datetime) -> bool:
    """Whether a worker that was given nothing the last time is to be given nothing now, and told nothing.

    `worker` is as it was read for this request. One transaction that only reads tells, which waits for nobody and
    keeps nobody waiting. Whenever it cannot be told this way, the answer is no.
    """
    if worker.key not in farm.idle_workers or not _is_at_rest(farm, worker, now):
        return False
    with farm.store.read() as tx:
        return claim.own_active_task(tx, worker.key) is None and not claim.met_requirements(tx, worker)


def _is_at_rest(farm: Farm, worker: Worker, now: datetime) -> bool:
    """Whether there is nothing to note of the worker, nor to tell it."""
    if worker.status is not WorkerStatus.AWAKE or worker.status_requested is not None or not worker.approved:
        return False
    noted_every = min(NOTED_EVERY, timedelta(seconds=farm.config.worker_timeout) / _OF_TIMEOUT)
    return worker.last_seen is not None and abs(now - worker.last_seen) < noted_every
