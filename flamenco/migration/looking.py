"""Looks through all of an old farm, and at what is here already: what would come, and what not, and why."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from flamenco.domain.errors import StoreError
from flamenco.domain.model import Tag
from flamenco.migration.jobs import OldJob, OldJobs
from flamenco.migration.logs import OldFile, OldStorage
from flamenco.migration.opening import OldDatabase
from flamenco.migration.report import Report
from flamenco.migration.workers import OldWorker, tags, workers
from flamenco.store import present, upgrade
from flamenco.store.engine import Store

Told = Callable[[str, int, int], None]
"""Is told what it is about, how much is done, and of how much."""


class Present(Struct, frozen=True):
    """What is here already: jobs, with whether each is there as a whole, and workers."""

    jobs: dict[str, bool] = field(default_factory=dict)
    workers: set[str] = field(default_factory=set)


class OldFarm:
    """An old farm, looked through: `report` says what of it comes, and its parts give that, each time anew."""

    def __init__(self, db: OldDatabase, storage: OldStorage, there: Present) -> None:
        self.report = Report()
        self.there = there
        self.storage = storage
        self.bytes = 0
        self._db = db
        self.tags: dict[int, Tag] = tags(db, self.report)
        self.workers: list[OldWorker] = list(workers(db, self.tags, self.report))
        coming = {each.worker.id for each in self.workers}
        numbers = {row["id"]: row["uuid"] for row in db.rows("workers", ("id", "uuid")) if row["uuid"] in coming}
        self.jobs = OldJobs(db, self.tags, numbers)
        self.job_ids: list[str] = []

    @property
    def total(self) -> int:
        """How many jobs there are, those included that do not come."""
        return self._db.number("jobs")

    def files_of(self, job: OldJob, report: Report) -> list[OldFile]:
        """The logs and images of a job."""
        return self.storage.of_job(job.job.id, report)


def look(db: OldDatabase, storage: OldStorage, there: Present, told: Told = lambda *_: None) -> OldFarm:
    """Look through an old farm. Raises `StoreError` where what is here is of another farm."""
    old = OldFarm(db, storage, there)
    report = old.report
    report.coming["tags"] = len(old.tags)
    for worker in old.workers:
        is_there = worker.worker.id in there.workers
        (report.there if is_there else report.coming)["workers"] += 1
        if not is_there:
            report.coming["memberships"] += len(worker.tags)
            report.coming["sleep schedules"] += worker.schedule is not None
    for number, job in enumerate(old.jobs.found(report)):
        told("jobs looked through", number, old.total)
        _count(old, job)
    told("jobs looked through", old.total, old.total)
    _look_for_orphans(db, report)
    _check_all_of_it(old)
    return old


def _count(old: OldFarm, job: OldJob) -> None:
    old.job_ids.append(job.job.id)
    report = old.report
    if old.there.jobs.get(job.job.id):
        report.there["jobs"] += 1
        report.there["tasks"] += len(job.tasks)
        return
    files = old.files_of(job, report)
    report.coming.update(
        {
            "jobs": 1,
            "tasks": len(job.tasks),
            "task failures": job.tasks.failures,
            "blocks": len(job.job.blocks),
            "logs": sum(file.kind == "logs" for file in files),
            "images": sum(file.kind == "images" for file in files),
        }
    )
    old.bytes += sum(file.size for file in files)


def _look_for_orphans(db: OldDatabase, report: Report) -> None:
    orphans = db.number("tasks", "WHERE job_id IS NULL OR job_id NOT IN (SELECT id FROM jobs)")
    if orphans:
        report.leave("tasks", f"their job is gone, of {orphans}")
    of_nothing = "WHERE task_id NOT IN (SELECT id FROM tasks)"
    if lost := db.number("task_failures", of_nothing):
        report.leave("task failures", f"their task is gone, of {lost}")


def _check_all_of_it(old: OldFarm) -> None:
    """Raise `StoreError` where there is anything here that is not of the old farm."""
    strange = set(old.there.jobs) - set(old.job_ids)
    if strange or old.there.workers - {each.worker.id for each in old.workers}:
        kind = "jobs" if strange else "workers"
        raise StoreError(
            f"The database here is in use: it has {kind} that are not of the old farm. Name an empty --data-dir, or "
            "another --database."
        )


def what_is_there(store: Store) -> Present:
    """What a database of ours has; nothing, where it has no tables yet. Raises `StoreError` for one that is none."""
    if store.file is not None and not store.file.is_file():
        return Present()
    if upgrade.usable_revision(store) is None:
        return Present()
    with store.read() as tx:
        return Present(present.job_ids(tx), present.worker_ids(tx))
