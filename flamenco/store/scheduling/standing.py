"""How the farm stands, for scheduling policies: open jobs, what is running, and what was booked on accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.model import Job, TaskCounts
from flamenco.domain.scheduling.values import JobCandidate
from flamenco.domain.statuses import WorkerStatus
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.schema import (
    ACTIVE_SQL,
    OPEN_SQL,
    RUNNING_SQL,
    UNBOOKED_SQL,
    accounts,
    jobs,
    tags,
    tasks,
    worker_tags,
    workers,
)

_CHANGING = (
    *(jobs.c[name] for name in ("key", "priority", "updated", "rank", "last_assigned")),
    *(jobs.c.completed_runs, jobs.c.completed_seconds, *job_store.COUNTS),
)
_OPEN = select(*_CHANGING).where(text(OPEN_SQL)).order_by(jobs.c.key)
_RUNNING = select(*_CHANGING).where(text(RUNNING_SQL)).order_by(jobs.c.key)


class Standing(NamedTuple):
    """What changes of a job while it is worked on. `updated` tells when anything else did."""

    key: int
    priority: int
    updated: datetime
    rank: float | None
    last_assigned: datetime | None
    mean_task_s: float | None
    counts: TaskCounts


def _standing(tx: Tx, statement: object) -> list[Standing]:
    rows = tx.execute(statement).all()  # type: ignore[call-overload]
    return [
        Standing(
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            row[6] / row[5] if row[5] else None,
            TaskCounts(*row[7:]),
        )
        for row in rows
    ]


def open_jobs(tx: Tx) -> list[Standing]:
    """The jobs whose tasks may be given to workers, the oldest first."""
    return _standing(tx, _OPEN)


def running_jobs(tx: Tx) -> list[Standing]:
    """The jobs of which tasks are being run, open or not, the oldest first."""
    return _standing(tx, _RUNNING)


_BY_KEYS = job_store.SELECT.where(jobs.c.key.in_(bindparam("keys", expanding=True)))
_KEYS_AT_A_TIME = 500


def candidates(tx: Tx, keys: Sequence[int]) -> dict[int, JobCandidate]:
    """The jobs with those row numbers, as policies see them."""
    found: dict[int, JobCandidate] = {}
    for start in range(0, len(keys), _KEYS_AT_A_TIME):
        for row in tx.execute(_BY_KEYS, {"keys": list(keys[start : start + _KEYS_AT_A_TIME])}):
            job: Job = job_store.from_values(row._mapping)
            found[job.key] = job_store.candidate(job)
    return found


_AWAKE = (
    select(sql.count())
    .select_from(workers)
    .where(workers.c.deleted.is_(None), workers.c.status == WorkerStatus.AWAKE.value)
)
_RUNNING_TYPES = select(tasks.c.type, sql.count()).where(text(ACTIVE_SQL)).group_by(tasks.c.type)
_ACTIVE_RUNS = select(tasks.c.job_key, tasks.c.activated).where(text(ACTIVE_SQL))
_TAGS_OF = (
    select(tags.c.name)
    .join(worker_tags, worker_tags.c.tag_key == tags.c.key)
    .where(worker_tags.c.worker_key == bindparam("of_worker"))
    .order_by(tags.c.name)
)


def workers_awake(tx: Tx) -> int:
    """How many workers could be given tasks, or have one."""
    return int(tx.execute(_AWAKE).scalar_one())


def running_by_type(tx: Tx) -> dict[str, int]:
    """How many tasks of each type are being run."""
    return {row[0]: row[1] for row in tx.execute(_RUNNING_TYPES)}


def active_runs(tx: Tx) -> list[tuple[int, datetime | None]]:
    """The job of each task that is being run, and since when."""
    return [(row[0], row[1]) for row in tx.execute(_ACTIVE_RUNS)]


def tags_of_worker(tx: Tx, worker_key: int) -> tuple[str, ...]:
    """The names of a worker's tags."""
    return tuple(tx.execute(_TAGS_OF, {"of_worker": worker_key}).scalars())


# -- accounts ---------------------------------------------------------------------------------------------------


class Account(NamedTuple):
    """What an account was at: so many seconds, counted at that moment."""

    policy: str
    name: str
    seconds: float
    as_of: datetime


_ACCOUNTS = select(accounts.c.policy, accounts.c.name, accounts.c.seconds, accounts.c.as_of).where(
    accounts.c.policy == bindparam("of_policy")
)
_PUT = text(
    "INSERT INTO accounts (policy, name, seconds, as_of) VALUES (:policy, :name, :seconds, :as_of)"
    " ON CONFLICT (policy, name) DO UPDATE SET seconds = excluded.seconds, as_of = excluded.as_of"
).bindparams(bindparam("as_of", type_=accounts.c.as_of.type))
_UNBOOKED = (
    select(jobs.c.key, jobs.c.used_seconds, jobs.c.booked_seconds).where(text(UNBOOKED_SQL)).order_by(jobs.c.key)
)
_BOOKED = update(jobs).where(jobs.c.key == bindparam("of_job")).values(booked_seconds=bindparam("used"))


class Unbooked(NamedTuple):
    """A job with time that is on no account yet, in seconds."""

    job_key: int
    used: float
    booked: float


def accounts_of(tx: Tx, policy: str) -> list[Account]:
    """The accounts of a policy."""
    return [Account(*row) for row in tx.execute(_ACCOUNTS, {"of_policy": policy})]


def put_account(tx: Tx, account: Account) -> None:
    """Write an account, new or not."""
    tx.execute(_PUT, account._asdict())


def has_unbooked(tx: Tx) -> bool:
    """Whether there is any time that is on no account yet."""
    return tx.execute(_UNBOOKED.limit(1)).first() is not None


def lock_unbooked(tx: Tx) -> list[Unbooked]:
    """The jobs with such time, kept from changing until the transaction ends; not those that somebody has locked."""
    return [Unbooked(*row) for row in tx.execute(_UNBOOKED.with_for_update(skip_locked=True))]


def set_booked(tx: Tx, booked: Sequence[Unbooked]) -> None:
    """Note that all of it is on accounts now."""
    if booked:
        tx.execute(_BOOKED, [{"of_job": each.job_key, "used": each.used} for each in booked])


def forget_unbooked(tx: Tx) -> None:
    """Let what was used so far be nobody's: accounts begin now."""
    tx.execute(update(jobs).where(text(UNBOOKED_SQL)).values(booked_seconds=jobs.c.used_seconds))
