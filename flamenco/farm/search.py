"""Finding things by a part of their names, all kinds at once, for whoever types it."""

from __future__ import annotations

from msgspec import Struct

from flamenco.domain.access import Access, Caller
from flamenco.domain.searching import best, folded
from flamenco.domain.statuses import JobStatus, WorkerStatus
from flamenco.farm.authorization import may
from flamenco.farm.context import Farm
from flamenco.store import search as search_store


class FoundJob(Struct, frozen=True):
    """A job; user and project are empty where nobody said."""

    id: str
    name: str
    status: JobStatus
    user: str
    project: str


class FoundWorker(Struct, frozen=True):
    """A worker."""

    id: str
    name: str
    status: WorkerStatus


class FoundTag(Struct, frozen=True):
    """A tag."""

    id: str
    name: str


class Findings(Struct, frozen=True, kw_only=True):
    """The best few of each kind."""

    jobs: list[FoundJob] = []
    workers: list[FoundWorker] = []
    tags: list[FoundTag] = []
    users: list[str] = []
    projects: list[str] = []
    batches: list[str] = []


def search(farm: Farm, text: str, most: int, by: Caller) -> Findings:
    """What there is with that text in its name, at most so many of each kind; nothing where there is no text.

    Who may see none but their own jobs finds none but those, and nothing else.
    """
    if not folded(text):
        return Findings()
    sees_farm = may(farm, by, Access.LOOK)
    with farm.store.read() as tx:
        found = search_store.job_names(tx, text, None if may(farm, by, Access.JOB) else by)
        jobs = [FoundJob(uuid, name, JobStatus(status), *others) for uuid, name, status, *others in found]
        best_jobs = best(jobs, text, most, lambda job: job.name)
        if not sees_farm:
            return Findings(jobs=best_jobs)
        rows = search_store.worker_names(tx, text)
        workers = [FoundWorker(row.uuid, row.name, WorkerStatus(row.status)) for row in rows]
        tags = [FoundTag(*row) for row in search_store.tag_names(tx, text)]
        users, projects = search_store.user_names(tx, text), search_store.project_names(tx, text)
        batches = search_store.batch_names(tx, text)
    return Findings(
        jobs=best_jobs,
        workers=best(workers, text, most, lambda worker: worker.name),
        tags=best(tags, text, most, lambda tag: tag.name),
        users=best(users, text, most, str),
        projects=best(projects, text, most, str),
        batches=best(batches, text, most, str),
    )
