"""Long lists, page by page: jobs, tasks of a job and workers, with how many there are in each status."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from flamenco.domain import sleep
from flamenco.domain.errors import NotFound
from flamenco.domain.listing import JobFilter, JobGroup, ListedJob, ListedTask, ListedWorker, TaskFilter, WorkerFilter
from flamenco.domain.model import Job, JobState
from flamenco.domain.notes import Note
from flamenco.domain.paging import Slice, cursor
from flamenco.domain.previews import PENDING, Wave
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.statuses import FINISHED_TASK, JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.time_limits import JobTimeLimits
from flamenco.farm import deletion, time_limits
from flamenco.farm.context import Farm
from flamenco.store import job_lists, job_workers, notes, previews, task_lists, worker_lists
from flamenco.store import jobs as job_store
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx
from flamenco.store.job_workers import NamedOfJob
from flamenco.store.pages import Found
from flamenco.store.previews import Kept

_MAY_RUN: Final = frozenset(TaskStatus) - FINISHED_TASK

Entry = TypeVar("Entry")
Status = TypeVar("Status", JobStatus, TaskStatus, WorkerStatus)


class Page(Struct, Generic[Entry, Status], frozen=True, kw_only=True):
    """A part of a list, and what stands for its end where it is not that of the list.

    `total` is how many all parts have together, `counts` how many would be left in whatever their status.
    """

    entries: list[Entry]
    next: str
    total: int
    counts: dict[Status, int]


class SeenPreview(Struct, frozen=True, kw_only=True):
    """The preview of a job: how many of its tasks are in which status, and how many others are held."""

    kept: Kept
    tally: dict[TaskStatus, int]
    held: int


class JobDetails(Struct, frozen=True, kw_only=True):
    """A job as lists show it, all that is stored of it, and whether its Shaman checkout would be deleted with it."""

    listed: ListedJob
    job: Job
    files_go: bool
    time_limits: JobTimeLimits
    preview: SeenPreview | None
    workers: NamedOfJob
    note: Note | None


class Nap(Struct, frozen=True, kw_only=True):
    """What a worker's schedule says at a moment, and when to ask again; not at all where it is not kept to."""

    is_active: bool
    asleep_now: bool
    next: datetime | None


class Statuses(Struct, frozen=True):
    """The status of each task of a job, a letter each, or None where it is what is known already; `etag` names it."""

    etag: str
    letters: str | None


def job_page(farm: Farm, asked: JobFilter, wanted: Slice, *, whole: bool = False) -> Page[ListedJob, JobStatus]:
    """Some of the jobs that a filter leaves in; `whole` with settings and metadata.

    Raises `Refused` for a cursor that is none.
    """
    with farm.store.read() as tx:
        found = job_lists.page(tx, asked, wanted)
        counts = job_lists.counts(tx, asked)
        return _page(found, job_lists.shown(tx, found.keys, whole=whole), counts, asked.statuses)


def job_groups(farm: Farm, asked: JobFilter, by: str) -> list[JobGroup]:
    """The jobs that a filter leaves in, together where they have the same, such as a project; last changed first."""
    with farm.store.read() as tx:
        return job_lists.groups(tx, asked, by)


def job_details(farm: Farm, job_id: str) -> JobDetails:
    """One job. Raises `NotFound`."""
    with farm.store.read() as tx:
        job = job_store.fetch_whole(tx, job_id)
        (listed,) = job_lists.shown(tx, [job.key])
        return JobDetails(
            listed=listed,
            job=job,
            files_go=deletion.checkout_goes_with(farm, tx, job),
            time_limits=time_limits.of_job(tx, job),
            workers=job_workers.named(tx, job.key),
            preview=_seen_preview(tx, job),
            note=notes.of_job(tx, job.key),
        )


def _seen_preview(tx: Tx, job: JobState) -> SeenPreview | None:
    kept = previews.of_job(tx, job.key) if job.preview else None
    if kept is None:
        return None
    held = previews.tally(tx, job.key, Wave.HELD) if job.preview in PENDING else {}
    return SeenPreview(kept=kept, tally=previews.tally(tx, job.key), held=sum(held.get(each, 0) for each in _MAY_RUN))


def task_page(farm: Farm, job_id: str, asked: TaskFilter, wanted: Slice) -> Page[ListedTask, TaskStatus]:
    """Some of the tasks of a job. Raises `NotFound`, and `Refused` for a cursor that is none."""
    with farm.store.read() as tx:
        job = job_store.fetch(tx, job_id)
        found = task_lists.page(tx, job.key, asked, wanted)
        return _page(found, task_lists.shown(tx, found.keys), _task_counts(tx, job, asked), asked.statuses)


def _task_counts(tx: Tx, job: JobState, asked: TaskFilter) -> dict[TaskStatus, int]:
    if asked.is_of_statuses:  # which is counted all the time
        return {status: job.counts.of(status) for status in TaskStatus}
    return task_lists.counts(tx, job.key, asked)


def task_at(farm: Farm, job_id: str, index: int) -> ListedTask:
    """The task of a job with that place in it, from 1. Raises `NotFound`."""
    with farm.store.read() as tx:
        job = job_store.fetch(tx, job_id)
        task = task_lists.at(tx, job.key, index)
    if task is None:
        raise NotFound(f"The job {job.name} has no task {index}; its tasks are numbered from 1 to {job.counts.total}.")
    return task


def task_statuses(farm: Farm, job_id: str, known: Sequence[str] = ()) -> Statuses:
    """The status of each task of a job, unless what that is called now is among what is `known`. Raises `NotFound`."""
    with farm.store.read() as tx:
        job = job_store.fetch(tx, job_id)
        # Whatever changes the status of a task changes these in the same transaction.
        about = msgspec.json.encode((job.id, job.updated, job.counts))
        etag = hashlib.sha256(about).hexdigest()[:16]
        return Statuses(etag, None if etag in known else task_lists.letters(tx, job.key))


def worker_page(farm: Farm, asked: WorkerFilter, wanted: Slice) -> Page[ListedWorker, WorkerStatus]:
    """Some of the workers. Raises `Refused` for a cursor that is none."""
    with farm.store.read() as tx:
        found = worker_lists.page(tx, asked, wanted)
        counts = worker_lists.counts(tx, asked)
        return _page(found, worker_lists.shown(tx, found.keys), counts, asked.statuses)


def worker_details(farm: Farm, worker_id: str) -> ListedWorker:
    """One worker. Raises `NotFound`."""
    with farm.store.read() as tx:
        (found,) = worker_lists.shown(tx, [worker_store.fetch(tx, worker_id).key])
    return found


def nap(farm: Farm, schedule: SleepSchedule) -> Nap:
    """What a schedule says at this moment."""
    if not schedule.is_active:
        return Nap(is_active=False, asleep_now=False, next=None)
    now = farm.clock()
    status = sleep.status_at(schedule, now, datetime.astimezone)
    check = sleep.next_check(schedule, now, datetime.astimezone)
    return Nap(is_active=True, asleep_now=status is WorkerStatus.ASLEEP, next=check)


def _page(
    found: Found, entries: list[Entry], counts: dict[Status, int], statuses: Sequence[Status]
) -> Page[Entry, Status]:
    total = sum(count for status, count in counts.items() if not statuses or status in statuses)
    return Page(entries=entries, next=cursor(found.end) if found.end else "", total=total, counts=counts)
