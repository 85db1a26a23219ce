"""Farms with limits of people: workers on machines, jobs of users, and a naive count of what runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select

from flamenco.domain.model import AuthoredJob, Job, Worker
from flamenco.domain.people_limits import on_machine
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import limits, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import jobs as job_store
from flamenco.store import recount
from flamenco.store.schema import jobs, tasks
from flamenco.store.schema import workers as worker_table
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job


def worker_at(farm: Farm, name: str, address: str) -> Worker:
    """A worker that comes from there."""
    worker = new_worker(farm, name)
    workers.sign_on(
        farm, worker, name=name, software="", task_types=worker.task_types, can_restart=False, address=address
    )
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    return worker


def job_by(farm: Farm, user: str, project: str = "", count: int = 4, **fields: Any) -> Job:
    """A job of so many tasks, stored as a submission does it."""
    said = {"user.name": user, **({"project": project} if project else {})}
    authored: AuthoredJob = authored_job(
        *(authored_task(f"t{number}", "misc") for number in range(count)), metadata=said, **fields
    )
    job = store_job(farm, authored)
    with farm.store.write() as tx:
        placing.settle(tx, farm, job_store.fetch_whole(tx, job.id), farm.clock())
    return job


_RUNNING = (
    select(jobs.c.owner, jobs.c.project, worker_table.c.address)
    .select_from(tasks)
    .join(jobs, jobs.c.key == tasks.c.job_key)
    .join(worker_table, worker_table.c.key == tasks.c.worker_key)
    .where(tasks.c.status == "active")
)


def running(farm: Farm) -> Counter[str]:
    """How many tasks run under which limit, if people had set it; counted one by one."""
    found: Counter[str] = Counter()
    names = {each.name for each in limits.states(farm)}
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
        for user, project, address in tx.execute(_RUNNING):
            found.update([f"user:{user}", f"project:{project}", *on_machine(names, address)])
            found[address] += 1
    return found
