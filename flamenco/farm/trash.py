"""The trash: what somebody deleted is put away at once, and is for nobody there; for a while they can have it back.

Its tasks, logs, images and files stay as they are; but for the workers that run tasks of it, which are let go. All
who follow events are told that it is gone, and when it is back, that it is there, as they are of a new job.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.events import job_deleted_event, job_event
from flamenco.domain.model import JobState
from flamenco.domain.moves import MassMove
from flamenco.domain.statuses import TRANSITIONAL_JOB, JobStatus, TaskStatus
from flamenco.domain.trash import deleted_until, goes_at, put_down
from flamenco.farm import audit
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import events, jobs, trash
from flamenco.store.arrivals import may_still_come
from flamenco.store.engine import Tx

_ACTIVITY: Final = "Manager took this task from its worker because the job was deleted."

AT_ONCE: Final = 100
"""So many jobs are marked as to be purged in one transaction."""


def doomed(farm: Farm, most: int) -> Sequence[str]:
    """UUIDs of at most `most` jobs that are to be put away, in the order in which that was asked for."""
    with farm.store.read() as tx:
        return trash.doomed(tx, farm.clock(), most)


def put_away(farm: Farm, job_id: str) -> None:
    """Put a job away that was marked; one that never was complete is purged. Nothing where it is gone, or back."""
    now = farm.clock()
    with farm.store.write() as tx:
        try:
            job = jobs.lock_by_id(tx, job_id, doomed=True)
        except NotFound:
            return
        if not trash.fate(tx, job).is_doomed or may_still_come(job, now):
            return
        if job.status is JobStatus.UNDER_CONSTRUCTION:
            trash.purge(tx, job)
            return
        _let_go(tx, job, now)
        trash.put_away(tx, job, now)
        events.append(tx, [job_deleted_event(job_id)], now)
    farm.known_jobs.forget(job.key)


def _let_go(tx: Tx, job: JobState, now: datetime) -> None:
    """End what is being run of a locked job."""
    if job.counts.active:
        cascade = Cascade(tx, job, now)
        cascade.end_active(MassMove(frozenset({TaskStatus.ACTIVE}), put_down(job.status), _ACTIVITY))
        jobs.save(tx, job, cascade.job)


def undelete(farm: Farm, job_id: str) -> None:
    """Have a job back that was deleted, as it was. Raises `NotFound`, and `Conflict` for one that was not deleted."""
    now = farm.clock()
    with farm.store.write() as tx:
        job = _lock(tx, job_id)
        cascade = Cascade(tx, trash.take_back(tx, job, now), now)
        audit.note(tx, now, "job", job_id, job.name, before={"deleted": True}, after={"deleted": False})
        if job.status in TRANSITIONAL_JOB and not job.moves:
            cascade.enforce_again()  # what it was waiting for was taken from its workers
        cascade.publish(job_event(cascade.job))
        cascade.save()
        placing.place(tx, farm, job.key, now)
    cascade.write_logs(farm)


def purge(farm: Farm, job_id: str) -> None:
    """Have a job in the trash deleted for good, soon. Raises as `undelete`."""
    now = farm.clock()
    with farm.store.write() as tx:
        job = _lock(tx, job_id)
        audit.note(tx, now, "job", job_id, job.name, after={"purged": True})
        trash.purge(tx, job)


def purge_overdue(farm: Farm) -> int:
    """Have those deleted for good that were kept for long enough, as far as one transaction goes. Returns how many."""
    until = deleted_until(farm.clock(), farm.config.trash.keep)
    with farm.store.read() as tx:
        if not trash.is_overdue(tx, until):
            return 0
    with farm.store.write() as tx:
        return trash.purge_overdue(tx, until, AT_ONCE)


def when_purged(farm: Farm, job: JobState) -> datetime:
    """When a job in the trash is to go."""
    return goes_at(job.delete_requested or farm.clock(), farm.config.trash.keep)


def hides(farm: Farm, job_id: str) -> bool:
    """Whether a job is there, and hidden from everybody."""
    with farm.store.read() as tx:
        return trash.is_hidden(tx, job_id)


def _lock(tx: Tx, job_id: str) -> JobState:
    """A job in the trash, locked."""
    job = jobs.lock_by_id(tx, job_id, doomed=True)
    if not job.delete_requested:
        raise Conflict(f"The job {job.name} is not in the trash.")
    if trash.fate(tx, job).purging or job.status is JobStatus.UNDER_CONSTRUCTION:
        raise NotFound(f"There is no job {job_id} in the trash.")
    return job
