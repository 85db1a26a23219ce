"""Deleting jobs: people ask for it, which marks a job; a chore does it. For everybody else, a marked job is gone.

It is put away first, and kept for whoever wants it back (`trash`). When it is purged, first go the files, then the
tasks, some at a time, and the job last: whatever fails, the job is still there and marked, and the chore tries again.
While a large job is being taken apart, its tasks are fewer than they were.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from flamenco.domain.errors import NotFound
from flamenco.domain.events import job_deleted_event, job_event
from flamenco.domain.model import JobState
from flamenco.domain.moments import LAST, in_utc
from flamenco.domain.moves import MassMove
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import audit, roll_ups, shaman, telling
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.pausing import give_way
from flamenco.farm.scheduling import accounts
from flamenco.files.job_folders import remove_job_folder
from flamenco.store import deletion, events, jobs, trash
from flamenco.store.arrivals import may_still_come
from flamenco.store.engine import Tx

_A_SECOND: Final = timedelta(seconds=1)

_ENDS: Final = MassMove(
    frozenset({TaskStatus.ACTIVE}), TaskStatus.CANCELED, "Manager canceled this task because the job is being deleted."
)

MOST_ROWS: Final = 400
"""So many rows are deleted in one transaction: workers that poll meanwhile wait for no longer than that takes."""


def request(farm: Farm, job_id: str) -> None:
    """Have a job deleted soon. Asking again changes nothing but the moment. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.write() as tx:
        job = jobs.lock_by_id(tx, job_id, doomed=True)
        if trash.fate(tx, job).trashed_at:
            raise NotFound(f"There is no job {job_id}.")
        marked = deletion.mark(tx, [job], now, for_good=not farm.config.trash.keep)
        audit.note(tx, now, "job", job_id, job.name, after={"deleted": True})
        events.append(tx, [job_event(job) for job in marked], now)


def request_mass(farm: Farm, last_updated_max: datetime) -> None:
    """Have all jobs deleted that have not changed since. Raises `NotFound` when there are none.

    What is within the same second counts: clients see times of jobs to the second. Some go in each transaction, so that
    nobody waits for all of them.
    """
    now, until = farm.clock(), _rounded_up(last_updated_max)
    marked = _mark_unchanged(farm, until, now, -1, last_updated_max)
    if not marked:
        raise NotFound("no jobs modified before timestamp")
    while len(marked) == deletion.PAGE:  # what somebody submits meanwhile makes no full page
        marked = _mark_unchanged(farm, until, now, marked[-1].key, last_updated_max)


def _mark_unchanged(
    farm: Farm, until: datetime, now: datetime, after: int, last_updated_max: datetime
) -> Sequence[JobState]:
    """Mark the next of them, and leave the database to others for a moment."""
    started = time.monotonic()
    with farm.store.write() as tx:
        marked = deletion.mark_unchanged(tx, until, now, after, for_good=not farm.config.trash.keep)
        if marked:
            events.append(tx, [job_event(job) for job in marked], now)
            said = {"deleted": len(marked), "last_updated_max": last_updated_max}
            audit.note(tx, now, "job", "", "", after=said)
    if len(marked) == deletion.PAGE:
        give_way(farm, time.monotonic() - started)
    return marked


def _rounded_up(moment: datetime) -> datetime:
    moment = in_utc(moment)
    if not moment.microsecond or LAST - moment < _A_SECOND:
        return moment
    return moment.replace(microsecond=0) + _A_SECOND


def shaman_checkout_goes(farm: Farm, job_id: str) -> bool:
    """Whether files in the Shaman storage go with a job: not those that another one needs. Raises `NotFound`."""
    with farm.store.read() as tx:
        return checkout_goes_with(farm, tx, jobs.fetch(tx, job_id))


def checkout_goes_with(farm: Farm, tx: Tx, job: JobState) -> bool:
    """The same of a job that is known already."""
    if farm.shaman is None or not job.shaman_checkout_id:
        return False
    return not deletion.checkout_is_shared(tx, job, farm.clock())


def requested(farm: Farm, most: int) -> Sequence[str]:
    """UUIDs of at most `most` jobs that are to be purged, in the order in which that was asked for."""
    with farm.store.read() as tx:
        return deletion.marked(tx, farm.clock(), most)


def delete_some(farm: Farm, job_id: str, most_rows: int = MOST_ROWS) -> bool:
    """Delete a job that is to be purged, or as much of it as one transaction should. Whether it is gone.

    Raises whatever keeps its files from being removed; what is in the database of it stays then.
    """
    try:
        _erase_checkout(farm, job_id)
        remove_job_folder(farm.config.local_storage_path, job_id)
        now = farm.clock()
        with farm.store.read() as tx:
            job = jobs.fetch(tx, job_id, doomed=True)
        if job.waited_for:
            telling.tell_of(farm, job.key)  # while it can still be said what it was
        with farm.store.write() as tx:
            job = jobs.lock_by_id(tx, job_id, doomed=True)
            if may_still_come(job, now):
                return False
            if not _taken_apart(tx, job, now, most_rows):
                return False
        if farm.policies.accounting:
            accounts.book(farm)  # the time it used stays used
        with farm.store.write() as tx:
            was_told = trash.fate(tx, jobs.lock(tx, job.key)).trashed_at is not None
            deletion.delete_job(tx, job.key)
            events.append(tx, [] if was_told else [job_deleted_event(job_id)], now)
    except NotFound:
        return True  # another process was faster
    farm.known_jobs.forget(job.key)
    # A worker may have sent a line for a log before it could know.
    remove_job_folder(farm.config.local_storage_path, job_id)
    return True


def _taken_apart(tx: Tx, job: JobState, now: datetime, most_rows: int) -> bool:
    """Delete tasks of a marked job, and what there is about them. Whether there are none left.

    What workers have spent with it is summed up first, what they are at now included: nothing comes of that any more.
    """
    if job.counts.active:
        cascade = Cascade(tx, job, now)
        cascade.end_active(_ENDS)
        jobs.save(tx, job, cascade.job)
        job = cascade.job
    left = most_rows - roll_ups.take_along(tx, [job.key], now, most_rows)
    return left > 0 and deletion.delete_tasks(tx, job, left)


def _erase_checkout(farm: Farm, job_id: str) -> None:
    """Remove the files that a marked job has in the Shaman storage, once, unless another job needs them."""
    if farm.shaman is None:
        return
    with farm.store.read() as tx:
        if not jobs.fetch(tx, job_id, doomed=True).shaman_checkout_id:
            return
    with farm.store.write() as tx:
        job = jobs.lock_by_id(tx, job_id, doomed=True)
        if not deletion.take_checkout(tx, job, farm.clock()):
            return
    shaman.erase_checkout(farm, job.shaman_checkout_id)
    # At once, and not with the rest of the job: its path is free again.
    with farm.store.write() as tx:
        deletion.forget_checkout(tx, jobs.lock_by_id(tx, job_id, doomed=True))
