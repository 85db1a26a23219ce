"""Small jobs that somebody deleted, several in each transaction.

Each by itself takes as many statements as a large one, and to a server every statement is a round trip. Only those are
taken that nothing else is at: others are passed over, nobody is waited for, and so it is no matter in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, delete, not_, or_, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.statuses import JobStatus
from flamenco.store import arrivals
from flamenco.store.engine import Tx
from flamenco.store.jobs import COUNTS
from flamenco.store.schema import DOOMED_SQL, PURGING_SQL, job_dependencies, jobs, tasks

MOST_TASKS: Final = 20
"""A job of more is deleted by itself: what depends on what among them may be many rows."""


class Small(NamedTuple):
    """A small job that is locked; `was_told`: everybody knows that it is gone."""

    key: int
    id: str
    was_told: bool


_COLUMNS = (jobs.c.key, jobs.c.uuid, jobs.c.trashed_at.is_not(None))
_ARE_MEANT = jobs.c.uuid.in_(bindparam("ids", expanding=True))
_IS_AT_REST = (jobs.c.tasks_active == 0, not_(arrivals.MAY_STILL_COME))


def _locked(*conditions: Any) -> Select[Any]:
    return select(*_COLUMNS).where(_ARE_MEANT, *conditions).order_by(jobs.c.key).with_for_update(skip_locked=True)


_TO_PUT_AWAY = _locked(text(DOOMED_SQL), jobs.c.status != JobStatus.UNDER_CONSTRUCTION, *_IS_AT_REST)
_PUT_AWAY = update(jobs).where(jobs.c.key.in_(bindparam("keys", expanding=True))).values(trashed_at=bindparam("moment"))


def put_away(tx: Tx, job_ids: Sequence[str], now: datetime) -> list[Small]:
    """Put those of the marked jobs into the trash of which nothing is being run, and that nobody else is at."""
    found = _read(tx, _TO_PUT_AWAY, {"ids": list(job_ids), **arrivals.moments(now)})
    if found:
        tx.execute(_PUT_AWAY, {"keys": [job.key for job in found], "moment": now})
    return found


# Counted, so that nothing but the rows of each job is looked at, however many there are.
_WAITS = (
    select(sql.count())
    .where(or_(job_dependencies.c.job_key == jobs.c.key, job_dependencies.c.on_key == jobs.c.key))
    .correlate(jobs)
    .scalar_subquery()
)
_IS_SMALL = (
    *(sum(COUNTS[1:-1], start=COUNTS[0]) <= MOST_TASKS, jobs.c.shaman_checkout_id == ""),
    *(jobs.c.waited_for == 0, _WAITS == 0),
)
_SMALL = select(jobs.c.uuid).where(_ARE_MEANT, text(PURGING_SQL), *_IS_SMALL).order_by(jobs.c.key)
_TO_DELETE = _locked(text(PURGING_SQL), *_IS_AT_REST, *_IS_SMALL)
_BOOKED_TO_DELETE = _locked(text(PURGING_SQL), *_IS_AT_REST, *_IS_SMALL, jobs.c.used_seconds == jobs.c.booked_seconds)


def small(tx: Tx, job_ids: Sequence[str]) -> list[str]:
    """Those of the jobs that are to be purged, and small; nothing is kept from changing."""
    return list(tx.execute(_SMALL, {"ids": list(job_ids)}).scalars())


def lock(tx: Tx, job_ids: Sequence[str], now: datetime, *, only_booked: bool) -> list[Small]:
    """Those of the jobs that are to be purged, and small; `only_booked`: all of their time is on accounts already."""
    statement = _BOOKED_TO_DELETE if only_booked else _TO_DELETE
    return _read(tx, statement, {"ids": list(job_ids), **arrivals.moments(now)})


_OF_JOBS: Any = bindparam("keys", expanding=True)
_DELETE_TASKS = delete(tasks).where(tasks.c.job_key.in_(_OF_JOBS))
_DELETE_JOBS = delete(jobs).where(jobs.c.key.in_(_OF_JOBS))


def delete_them(tx: Tx, locked: Sequence[Small]) -> None:
    """Delete small jobs, with all that refers to them; of attempts at their tasks there should be none any more."""
    for statement in (_DELETE_TASKS, _DELETE_JOBS):
        tx.execute(statement, {"keys": [job.key for job in locked]})


def _read(tx: Tx, statement: Select[Any], values: dict[str, Any]) -> list[Small]:
    return [Small(row[0], row[1], bool(row[2])) for row in tx.execute(statement, values)]
