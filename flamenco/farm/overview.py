"""The farm at a glance: what people look at while it works."""

from __future__ import annotations

from msgspec import Struct

from flamenco.domain.identity import warning_of
from flamenco.domain.model import JobState, TaskState, Worker
from flamenco.farm.context import Farm
from flamenco.store import jobs, tasks, workers

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
