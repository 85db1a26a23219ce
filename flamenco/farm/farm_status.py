"""The farm at a glance, and its status as a whole: worked out by a chore, told by every process."""

from __future__ import annotations

from msgspec import Struct

from flamenco.domain import farm_status
from flamenco.domain.events import farm_status_event
from flamenco.domain.farm_status import FarmStatus
from flamenco.domain.identity import warning_of
from flamenco.domain.model import JobState, TaskState, Worker
from flamenco.domain.statuses import JobStatus
from flamenco.farm.context import Farm
from flamenco.store import events, jobs, statistics, tasks, workers
from flamenco.store import statistics as status_store


def latest(farm: Farm) -> FarmStatus:
    """What was found last, whichever process looked."""
    with farm.store.read() as tx:
        return status_store.latest(tx)


def look(farm: Farm) -> FarmStatus:
    """Work out the status. When it has changed, that is written down and told."""
    with farm.store.read() as tx:
        before = status_store.latest(tx)
        found = farm_status.farm_status(
            statistics.count_workers(tx),
            has_active=status_store.has_job(tx, JobStatus.ACTIVE),
            has_queued=status_store.has_job(tx, JobStatus.QUEUED),
        )
    if found is not before:
        with farm.store.write() as tx:
            if status_store.put(tx, found):
                events.append(tx, [farm_status_event(found)], farm.clock())
    return found


def forget(farm: Farm) -> None:
    """The manager starts: until somebody looks, nobody knows."""
    with farm.store.write() as tx:
        status_store.forget(tx)


NEWEST_JOBS = 100
"""So many jobs are shown."""


class Overview(Struct, frozen=True):
    """The newest jobs, newest first, and every worker with the task it runs, if any, and what people should know."""

    jobs: list[JobState]
    workers: list[tuple[Worker, TaskState | None, str]]


def overview(farm: Farm) -> Overview:
    """The farm at this moment, in one consistent picture."""
    now = farm.clock()
    with farm.store.read() as tx:
        active = {task.worker_key: task for task in tasks.all_active(tx)}
        present = [(worker, active.get(worker.key), warning_of(worker, now)) for worker in workers.all_present(tx)]
        return Overview(jobs.newest(tx, NEWEST_JOBS), present)
