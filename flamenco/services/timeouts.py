"""Tasks and workers that nobody was heard of for too long are given up. Tasks first: a lost worker's are requeued."""

from __future__ import annotations

from contextlib import suppress

import structlog

from flamenco.domain.errors import NotFound
from flamenco.farm import tasks, workers
from flamenco.farm.attempts import Attempts
from flamenco.farm.context import Farm
from flamenco.store import tasks as task_store
from flamenco.store import workers as worker_store

log = structlog.get_logger()

_FAILED = "could not time out; trying again at the next check"


def tick(farm: Farm) -> float:
    """Check once. A task timeout of 0 switches both checks off."""
    config = farm.config
    if config.task_timeout > 0:
        attempts = Attempts()
        _give_up_tasks(farm, attempts)
        _give_up_workers(farm, attempts)
        attempts.end()
    return config.timeout_check_interval


def _give_up_tasks(farm: Farm, attempts: Attempts) -> None:
    with farm.store.read() as tx:
        touched = task_store.active_touched(tx)
    farm.task_watch = farm.task_watch.look(touched, farm.moment())
    for task_id in farm.task_watch.lost(farm.config.task_timeout):
        with attempts.one(_FAILED, task=task_id), suppress(NotFound):
            with farm.store.read() as tx:
                task = task_store.fetch(tx, task_id)
            if task.last_touched == touched[task_id]:
                log.warning("task timed out", task=task.id, job=task.job_id, untouched_since=str(task.last_touched))
                tasks.time_out(farm, task)


def _give_up_workers(farm: Farm, attempts: Attempts) -> None:
    with farm.store.read() as tx:
        seen = worker_store.last_seen(tx)
    farm.worker_watch = farm.worker_watch.look(seen, farm.moment())
    for worker_id in farm.worker_watch.lost(farm.config.worker_timeout):
        with attempts.one(_FAILED, worker=worker_id):
            workers.time_out(farm, worker_id, seen[worker_id])
