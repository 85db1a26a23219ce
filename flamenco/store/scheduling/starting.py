"""Jobs that wait for a moment. Until then their queues have no rank, so that nobody who looks for work sees them.

Whoever looks first once it has come lets them go, some at a time: `claim.met_requirements` tells that there are some.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, select, text, update

from flamenco.domain.model import JobState
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.schema import OFFERED_SQL, jobs, queues

MOST = 200
"""So many are let go in one transaction, for which others wait."""

_SET_REASON = update(jobs).where(jobs.c.key == bindparam("of_job")).values(start_after_reason=bindparam("said"))


def save_reason(tx: Tx, job_key: int, reason: str) -> None:
    """Say why a locked job does not start sooner."""
    tx.execute(_SET_REASON, {"of_job": job_key, "said": reason})


_REASON = select(jobs.c.start_after_reason).where(jobs.c.key == bindparam("of_job"))


def reason_of(tx: Tx, job_key: int) -> str:
    """Why a job does not start sooner."""
    return str(tx.execute(_REASON, {"of_job": job_key}).scalar_one())


# One that somebody has locked is left for the next who looks: whoever locks many must not wait for any of them.
_DUE = (
    select(jobs.c.key)
    .where(jobs.c.start_after <= bindparam("now"))
    .order_by(jobs.c.start_after)
    .limit(MOST)
    .with_for_update(skip_locked=True)
)
_KEYS: Any = bindparam("keys", expanding=True)
_STARTS: Any = {"start_after": None, "start_after_reason": "", "updated": bindparam("now")}
_START = update(jobs).where(jobs.c.key.in_(_KEYS)).values(_STARTS)
_RANK = case((text(OFFERED_SQL), jobs.c.rank), else_=None)
_OF_ITS_JOB = select(_RANK).where(jobs.c.key == queues.c.job_key).scalar_subquery()
_OFFER = update(queues).where(queues.c.job_key.in_(_KEYS)).values(rank=_OF_ITS_JOB)
_STARTED = job_store.SELECT.where(jobs.c.key.in_(_KEYS)).order_by(jobs.c.key)


def let_go(tx: Tx, now: datetime) -> list[JobState]:
    """Let jobs start whose moment has come, at most `MOST`; gives those, as they are now."""
    keys = list(tx.execute(_DUE, {"now": now}).scalars())
    if not keys:
        return []
    tx.execute(_START, {"keys": keys, "now": now})
    tx.execute(_OFFER, {"keys": keys})
    return [job_store.STATE.read(row) for row in tx.execute(_STARTED, {"keys": keys})]
