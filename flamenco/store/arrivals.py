"""Large jobs, which are stored part by part, so that others write between two parts.

Until its last part is there, a job is under construction and marked as one to be deleted, but from a moment on that is
still to come: so nobody sees it, workers get nothing of it, and what a crash leaves behind is removed as any job is
that somebody wants deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from msgspec.structs import replace
from sqlalchemy import and_, bindparam, update

from flamenco.collector import collector_paused
from flamenco.domain.access import Owner
from flamenco.domain.errors import Busy
from flamenco.domain.model import AuthoredJob, AuthoredTask, Job, JobState, TaskCounts
from flamenco.domain.scheduling.values import Placement
from flamenco.domain.statuses import JobStatus
from flamenco.store import jobs as job_store
from flamenco.store import task_rows
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues
from flamenco.store.schema import jobs

PATIENCE = timedelta(minutes=10)
"""So long nothing of a job may come before it counts as one that was left behind."""

PAIRS = 2_500
"""So many dependencies are stored in one transaction."""

_EXPECT = update(jobs).where(jobs.c.key == bindparam("job_key")).values(delete_requested=bindparam("until"))
_GIVE_UP = (
    update(jobs)
    .where(jobs.c.key == bindparam("job_key"))
    .values(delete_requested=bindparam("now"), purging=True, shaman_checkout_id="")
)


MAY_STILL_COME: Final = and_(
    jobs.c.status == JobStatus.UNDER_CONSTRUCTION,
    jobs.c.delete_requested > bindparam("now"),
    jobs.c.delete_requested <= bindparam("latest"),
)
"""As `may_still_come`, of a row, with what `moments` gives."""


def moments(now: datetime) -> dict[str, datetime]:
    """What `MAY_STILL_COME` compares with."""
    return {"now": now, "latest": now + PATIENCE}


def may_still_come(job: JobState, now: datetime) -> bool:
    """Whether a job that is marked as to be deleted is one of which somebody may be storing the next part."""
    until = job.delete_requested
    return job.status is JobStatus.UNDER_CONSTRUCTION and until is not None and now < until <= now + PATIENCE


def expect(tx: Tx, job_key: int, now: datetime) -> datetime:
    """Something of a job came, or the rest of it will; gives until when."""
    until = now + PATIENCE
    tx.execute(_EXPECT, {"job_key": job_key, "until": until})
    return until


def abandon(tx: Tx, job_key: int, now: datetime) -> None:
    """Have what is there of a job removed at once, but for its checkout."""
    tx.execute(_GIVE_UP, {"job_key": job_key, "now": now})


class Arrival:
    """One job on its way into the database; each call is for a transaction of its own. Not for several threads."""

    def __init__(self, job: AuthoredJob, placement: Placement, owner: Owner) -> None:
        self._authored = job
        self._placement = placement
        self._owner = owner
        self._job: Job | None = None
        self._until: datetime | None = None
        self._queues: dict[queues.Kind, int] = {}
        self._keys: dict[str, int] = {}
        self._waits: list[tuple[int, tuple[str, ...]]] = []

    def begin(self, tx: Tx, now: datetime) -> Job:
        """Store the job without tasks, and return it. Raises `Refused` as `store.jobs.insert_job`."""
        empty = replace(self._authored, tasks=())
        status, self._until = JobStatus.UNDER_CONSTRUCTION, now + PATIENCE
        self._job = job_store.insert_job(tx, empty, status, self._placement, owner=self._owner)
        tx.execute(_EXPECT, {"job_key": self._job.key, "until": self._until})
        return self._job

    def add(self, tx: Tx, authored: Sequence[AuthoredTask], now: datetime) -> None:
        """Store the next tasks. Raises `Busy` when that took too long, and `Refused` for a UUID that is taken."""
        before = self._expected(tx, now)
        with job_store.uuids_are_new():
            self._sort_in(tx, authored)
            first = len(self._keys) + 1
            task_rows.insert_tasks(tx, before.key, authored, self._authored.created, self._queues, first)
        keys = task_rows.keys(tx, before.key, first)
        self._keys.update(zip((task.id for task in authored), keys, strict=True))
        self._waits += [(self._keys[task.id], task.dependencies) for task in authored if task.dependencies]
        counts = replace(before.counts, queued=before.counts.queued + len(authored))
        steps = before.steps_total + sum(task.steps_total for task in authored)
        job_store.save(tx, before, replace(before, counts=counts, steps_total=steps))

    def _sort_in(self, tx: Tx, authored: Sequence[AuthoredTask]) -> None:
        """Have a queue for each task, which counts it."""
        assert self._job is not None  # noqa: S101 - it has begun
        kinds = [queues.kind_of(task) for task in authored]
        known, new = Counter[queues.Kind](), []
        for kind, task in zip(kinds, authored, strict=True):
            if kind not in self._queues:
                new.append(task)
            elif not task.unmet:
                known[kind] += 1
        for kind, runnable in known.items():
            queues.add_runnable(tx, self._queues[kind], runnable)
        if new:
            self._queues |= queues.insert_queues(tx, self._job, new, self._placement)

    def dependencies(self) -> Iterator[Sequence[tuple[int, int]]]:
        """Which task waits for which, once all are there, in as many lots as there are to be transactions."""
        pairs = ((key, self._keys[other]) for key, others in self._waits for other in others)
        with collector_paused():
            while lot := list(islice(pairs, PAIRS)):
                yield lot

    def link(self, tx: Tx, lot: Sequence[tuple[int, int]], now: datetime) -> None:
        """Store a lot of `dependencies`. Raises `Busy` as `add`."""
        self._expected(tx, now)
        task_rows.insert_dependencies(tx, lot)

    def finish(self, tx: Tx, status: JobStatus, now: datetime) -> Job:
        """All of it is there: it is a job like others from now on. Returns it. Raises `Busy` as `add`."""
        before = self._expected(tx, now)
        if before.counts != TaskCounts(queued=len(self._authored.tasks)):
            raise _too_late()
        job_store.save(tx, before, replace(before, status=status))
        tx.execute(_EXPECT, {"job_key": before.key, "until": None})
        job = replace(job_store.fetch_whole(tx, before.id), max_running=self._placement.max_running)
        queues.offer(tx, job)
        return job

    def give_up(self, tx: Tx, now: datetime) -> None:
        """Have what is there removed at once, but for its checkout: whoever submitted it may well try again."""
        if self._job is not None:
            abandon(tx, self._job.key, now)

    def _expected(self, tx: Tx, now: datetime) -> JobState:
        """The job, locked; nobody has begun to remove it, and nobody will for a while."""
        assert self._job is not None  # noqa: S101 - it has begun
        job = job_store.lock(tx, self._job.key)
        if job.delete_requested != self._until or not may_still_come(job, now):
            raise _too_late()
        self._until = now + PATIENCE
        tx.execute(_EXPECT, {"job_key": job.key, "until": self._until})
        return replace(job, delete_requested=self._until)


def _too_late() -> Busy:
    return Busy("The database took too long to store the job; submit it again.", retry_after=60)
