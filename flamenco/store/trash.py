"""Jobs that somebody deleted and may have back: hidden from all others, as they were, until they are purged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import bindparam, not_, select, text, update

from flamenco.domain.model import JobState
from flamenco.domain.statuses import JobStatus
from flamenco.store import arrivals, job_news
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import DOOMED_SQL, TRASH_SQL, jobs


class Fate(Struct, frozen=True):
    """What becomes of a job: somebody deleted it, it was put away; `purging`, nobody gets it back any more.

    `archiving`: an archive is made of it before.
    """

    delete_requested: datetime | None
    trashed_at: datetime | None
    purging: bool
    archiving: bool

    @property
    def is_doomed(self) -> bool:
        """Whether it is still to be put away."""
        return self.delete_requested is not None and self.trashed_at is None and not self.purging


_OF_JOB = jobs.c.key == bindparam("of_job")
_FATE = Ready(select(jobs.c.delete_requested, jobs.c.trashed_at, jobs.c.purging, jobs.c.archiving).where(_OF_JOB))


def fate(tx: Tx, job: JobState) -> Fate:
    """What becomes of a locked job."""
    return Fate(*_FATE.one(tx, of_job=job.key))


_HIDDEN = select(jobs.c.key).where(jobs.c.uuid == bindparam("id"), jobs.c.delete_requested.is_not(None))


def is_hidden(tx: Tx, job_id: str) -> bool:
    """Whether there is such a job that somebody has deleted."""
    return tx.execute(_HIDDEN, {"id": job_id}).first() is not None


_DOOMED = (
    select(jobs.c.uuid)
    .where(text(DOOMED_SQL), not_(arrivals.MAY_STILL_COME))
    .order_by(jobs.c.delete_requested, jobs.c.key)
    .limit(bindparam("most"))
)


def doomed(tx: Tx, now: datetime, most: int) -> Sequence[str]:
    """UUIDs of at most so many jobs that are to be put away, in the order in which that was asked for.

    Not of those that are only just being stored.
    """
    return tx.execute(_DOOMED, {"most": most, **arrivals.moments(now)}).scalars().all()


_PUT_AWAY = Ready(update(jobs).where(_OF_JOB).values(trashed_at=bindparam("moment")))
_PURGE = Ready(update(jobs).where(_OF_JOB).values(purging=True))
_TAKE_BACK = Ready(
    update(jobs)
    .where(_OF_JOB)
    .values(delete_requested=None, trashed_at=None, archiving=False, updated=bindparam("moment"))
)


def put_away(tx: Tx, job: JobState, now: datetime) -> None:
    """A locked job, of which nothing is being run any more, is in the trash."""
    _PUT_AWAY.later(tx, "jobs", job.key, of_job=job.key, moment=now)


def purge(tx: Tx, job: JobState) -> None:
    """Nobody gets a locked job back: it is deleted bit by bit from now on."""
    _PURGE.later(tx, "jobs", job.key, of_job=job.key)


def take_back(tx: Tx, job: JobState, now: datetime) -> JobState:
    """A locked job is there again. Returns it as it is then; it is not offered to workers yet."""
    _TAKE_BACK.run(tx, of_job=job.key, moment=now)
    if job.waited_for:
        job_news.add_status_of(tx, [job.key])
    return replace(job, delete_requested=None, updated=now)


_OVERDUE = (
    text(TRASH_SQL),
    jobs.c.delete_requested <= bindparam("until"),
    jobs.c.trashed_at.is_not(None),
    jobs.c.archiving.is_(False),
)
_OLDEST = select(jobs.c.key).where(*_OVERDUE).order_by(jobs.c.delete_requested).limit(bindparam("most"))
# The condition once more: whoever takes one back meanwhile is waited for, and then it is not to go.
_PURGE_OVERDUE = update(jobs).where(jobs.c.key.in_(_OLDEST), *_OVERDUE).values(purging=True)


def is_overdue(tx: Tx, until: datetime) -> bool:
    """Whether there are jobs in the trash that were deleted at `until` or before."""
    return tx.execute(_OLDEST, {"until": until, "most": 1}).first() is not None


def purge_overdue(tx: Tx, until: datetime, most: int) -> int:
    """Purge at most so many jobs of those that were deleted at `until` or before. Returns how many."""
    return int(tx.execute(_PURGE_OVERDUE, {"until": until, "most": most}).rowcount)


IN_TRASH = (text(TRASH_SQL), jobs.c.status != JobStatus.UNDER_CONSTRUCTION)
"""Conditions on `jobs`: what people find in the trash; not what is only just being stored, or was never finished."""
