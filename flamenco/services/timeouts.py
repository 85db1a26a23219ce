"""Tasks and workers that nobody was heard of for too long are given up. Tasks first: a lost worker's are requeued."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from flamenco.domain.timeouts import deadline
from flamenco.farm import tasks, workers
from flamenco.farm.context import Farm
from flamenco.store import tasks as task_store
from flamenco.store import workers as worker_store

log = structlog.get_logger()


def tick(farm: Farm) -> float:
    """Check once. A task timeout of 0 switches both checks off."""
    config = farm.config
    tasks_since = deadline(farm.clock(), config.task_timeout)
    if tasks_since is None:
        return config.timeout_check_interval
    with farm.store.read() as tx:
        forgotten = task_store.untouched_since(tx, tasks_since)
    for task in forgotten:
        log.warning("task timed out", task=task.id, job=task.job_id, untouched_since=str(task.last_touched))
        with _on_its_own():
            tasks.time_out(farm, task)
    workers_since = deadline(farm.clock(), config.worker_timeout)
    if workers_since is not None:
        with farm.store.read() as tx:
            silent = worker_store.unseen_since(tx, workers_since)
        for worker_id in silent:
            log.warning("worker timed out", worker=worker_id)
            with _on_its_own():
                workers.time_out(farm, worker_id, workers_since)
    return config.timeout_check_interval


@contextmanager
def _on_its_own() -> Iterator[None]:
    """What goes wrong with one of them must not keep the others from being given up; it is tried again next time."""
    try:
        yield
    except Exception:
        log.exception("could not time out; trying again at the next check")
