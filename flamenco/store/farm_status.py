"""What the farm as a whole is doing: what that is worked out from, and one row with what was found last."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, text

from flamenco.domain.farm_status import FarmStatus
from flamenco.domain.statuses import JobStatus
from flamenco.store.engine import Tx
from flamenco.store.schema import OPEN_SQL, farm_status, jobs

_HAS = select(jobs.c.key).where(text(OPEN_SQL), jobs.c.status == bindparam("status")).limit(1)
_LATEST = select(farm_status.c.status)
_PUT = text(
    "INSERT INTO farm_status (key, status) VALUES (1, :status) ON CONFLICT (key) DO UPDATE SET status = excluded.status"
    " WHERE farm_status.status <> excluded.status"
)


def has_job(tx: Tx, status: JobStatus) -> bool:
    """Whether there is a job with that status, active or queued, that is not being deleted."""
    return tx.execute(_HAS, {"status": status}).first() is not None


def latest(tx: Tx) -> FarmStatus:
    """What was found last; `starting` before anybody has looked."""
    found = tx.execute(_LATEST).scalar_one_or_none()
    return FarmStatus.STARTING if found is None else FarmStatus(found)


def put(tx: Tx, status: FarmStatus) -> bool:
    """Write down what was found; whether that is news."""
    return tx.execute(_PUT, {"status": status}).rowcount == 1


def forget(tx: Tx) -> None:
    """Nobody has looked yet."""
    tx.execute(delete(farm_status))
