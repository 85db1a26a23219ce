"""Which job of the whole farm an image was last made of."""

from __future__ import annotations

from sqlalchemy import bindparam, select, text

from flamenco.store.engine import Tx
from flamenco.store.schema import jobs, last_rendered

_REMEMBER = text(
    "INSERT INTO last_rendered (key, job_key) VALUES (1, :job_key) "
    "ON CONFLICT (key) DO UPDATE SET job_key = excluded.job_key"
)
_JOB_ID = select(jobs.c.uuid).select_from(last_rendered.join(jobs)).where(jobs.c.delete_requested.is_(None))
_IS_KEPT = select(jobs.c.key).where(jobs.c.uuid == bindparam("id"), jobs.c.delete_requested.is_(None))
_LOCK_KEPT = _IS_KEPT.with_for_update()


def remember(tx: Tx, job_key: int) -> None:
    """From now on it is this job; whoever calls this holds the job's lock."""
    tx.execute(_REMEMBER, {"job_key": job_key})


def job_id(tx: Tx) -> str | None:
    """The UUID of that job; None before the first image, and once somebody wants the job deleted."""
    return tx.execute(_JOB_ID).scalar_one_or_none()


def lock_kept(tx: Tx, job_id: str) -> int | None:
    """The row number of a job that stays, locked until the transaction ends; None for one that goes or is gone."""
    return tx.execute(_LOCK_KEPT, {"id": job_id}).scalar_one_or_none()


def is_kept(tx: Tx, job_id: str) -> bool:
    """Whether there is such a job and nobody wants it deleted."""
    return tx.execute(_IS_KEPT, {"id": job_id}).scalar_one_or_none() is not None


_IS_THERE = select(jobs.c.key).where(jobs.c.uuid == bindparam("id"), jobs.c.purging.is_(False))


def may_come_back(tx: Tx, job_id: str) -> bool:
    """Whether there is such a job, maybe one in the trash, so that its images are to stay."""
    return tx.execute(_IS_THERE, {"id": job_id}).scalar_one_or_none() is not None
