"""Workers: who they are, what they do, what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import bindparam, exists, insert, select, text, update
from sqlalchemy import func as sql

from flamenco.domain.errors import NotFound
from flamenco.domain.model import Worker
from flamenco.domain.statuses import WorkerStatus
from flamenco.domain.timeouts import CANNOT_TIME_OUT
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.rows import Rows, member_of
from flamenco.store.schema import ACTIVE_SQL, tasks, workers

ROWS = Rows(
    Worker,
    workers,
    elsewhere={"id": workers.c.uuid},
    made={
        "status": member_of(WorkerStatus),
        "task_types": tuple,
        "status_requested": lambda status: WorkerStatus(status) if status else None,
        "commands": lambda names: None if names is None else tuple(names),
        "failing": tuple,
    },
    saved=(
        *("name", "address", "software", "status", "task_types", "last_seen", "status_requested", "lazy_request"),
        *("can_restart", "commands", "sign_ons", "signed_on", "approved", "put_away"),
        *("failing", "sick", "sick_since"),
    ),
)
_PRESENT = select(*ROWS.columns).where(workers.c.deleted.is_(None))
_LISTED = _PRESENT.where(workers.c.put_away.is_(None))
SELECT = select(*ROWS.columns)
"""What `read` takes, of all workers."""
_BY_ID = _PRESENT.where(workers.c.uuid == bindparam("id"))
_WITH_SECRET = Ready(_BY_ID.add_columns(workers.c.secret_hash))
_REGISTERED = select(sql.count()).select_from(
    select(workers.c.key)
    .where(workers.c.address == bindparam("address"), workers.c.created > bindparam("moment"))
    .limit(bindparam("most"))
    .subquery()
)
_PRESENT_BY_KEY = Ready(_PRESENT.where(workers.c.key == bindparam("worker_key")))
_BY_KEY = Ready(select(*ROWS.columns).where(workers.c.key == bindparam("worker_key")))


def read(rows: Iterable[Any]) -> list[Worker]:
    """The workers in rows of `SELECT`."""
    return [ROWS.read(row) for row in rows]


def insert_worker(tx: Tx, worker: Worker, secret_hash: str, now: datetime) -> Worker:
    """Store a new worker; its `key` is given here."""
    values = ROWS.values(worker) | {"secret_hash": secret_hash, "created": now, "updated": now}
    key: int = tx.execute(insert(workers).returning(workers.c.key), values).scalar_one()
    return replace(worker, key=key)


_REPLACE_SECRET = (
    update(workers)
    .where(workers.c.key == bindparam("worker_key"), workers.c.secret_hash == bindparam("old"))
    .values(secret_hash=bindparam("new"))
)


def replace_secret(tx: Tx, worker_key: int, old: str, new: str) -> None:
    """Keep another hash of a worker's secret, unless that has changed."""
    tx.execute(_REPLACE_SECRET, {"worker_key": worker_key, "old": old, "new": new})


def count_registered(tx: Tx, address: str, since: datetime, most: int) -> int:
    """How many workers were stored after `since` that are at `address`, deleted ones too, counted up to `most`."""
    return int(tx.execute(_REGISTERED, {"address": address, "moment": since, "most": most}).scalar_one())


def find_with_secret(tx: Tx, worker_id: str) -> tuple[Worker, str] | None:
    """A worker that was not deleted, with the hash of its secret."""
    row = _WITH_SECRET.first(tx, id=worker_id)
    return (ROWS.read(row), row.secret_hash) if row else None


def fetch(tx: Tx, worker_id: str) -> Worker:
    """The worker with UUID `worker_id`. Raises `NotFound`, also when it was deleted."""
    found = find_with_secret(tx, worker_id)
    if found is None:
        raise NotFound(f'worker "{worker_id}" not found')
    return found[0]


def find_by_key(tx: Tx, worker_key: int) -> Worker | None:
    """The worker with that row number, unless it was deleted."""
    row = _PRESENT_BY_KEY.first(tx, worker_key=worker_key)
    return ROWS.read(row) if row else None


def fetch_by_key(tx: Tx, worker_key: int) -> Worker:
    """The worker with that row number, which must exist; deleted ones too."""
    return ROWS.read(_BY_KEY.one(tx, worker_key=worker_key))


def all_present(tx: Tx) -> list[Worker]:
    """Every worker that was not deleted or put away, in the order they registered."""
    return [ROWS.read(row) for row in tx.execute(_LISTED.order_by(workers.c.key))]


_RUNS = exists().where(tasks.c.worker_key == workers.c.key, text(ACTIVE_SQL))
_UNSEEN = (
    select(workers.c.uuid)
    .where(
        *(workers.c.deleted.is_(None), workers.c.put_away.is_(None)),
        *(sql.coalesce(workers.c.last_seen, workers.c.created) < bindparam("since"), ~_RUNS),
    )
    .order_by(workers.c.key)
    .limit(bindparam("most"))
)


def unseen(tx: Tx, since: datetime, most: int) -> Sequence[str]:
    """UUIDs of at most so many workers that are in lists, run nothing and were not seen since then."""
    return tx.execute(_UNSEEN, {"since": since, "most": most}).scalars().all()


_SEEN = Ready(
    update(workers)
    .where(workers.c.key == bindparam("worker_key"), workers.c.deleted.is_(None))
    .values(last_seen=bindparam("now"))
    .returning(*ROWS.columns)
)


def seen(tx: Tx, worker_key: int, now: datetime) -> Worker | None:
    """Note that the worker was heard of. Returns what it is now, and keeps others from changing it meanwhile.

    None for one that was deleted.
    """
    row = _SEEN.first(tx, worker_key=worker_key, now=now)
    return ROWS.read(row) if row else None


def save(tx: Tx, worker: Worker, now: datetime) -> None:
    """Write back what may change of a worker that this transaction has locked by `seen` or `lock`."""
    ROWS.write(tx, worker.key, ROWS.values(worker, ROWS.saved) | {"updated": now})


def lock(tx: Tx, worker_id: str) -> Worker:
    """As `fetch`, and kept from changing until the transaction ends."""
    row = tx.execute(_BY_ID.with_for_update(), {"id": worker_id}).one_or_none()
    if row is None:
        raise NotFound(f'worker "{worker_id}" not found')
    return ROWS.read(row)


_WARN = update(workers).where(workers.c.key == bindparam("worker_key"))


def warn(tx: Tx, worker_key: int, warning: str, now: datetime) -> None:
    """Let people know something about a worker."""
    tx.execute(_WARN.values(warning=warning, warned=now), {"worker_key": worker_key})


def mark_deleted(tx: Tx, worker_key: int, now: datetime) -> None:
    """Take a worker out of everything but the past: its row stays for the tasks that it had."""
    tx.execute(update(workers).where(workers.c.key == worker_key).values(deleted=now, updated=now))


_HEARD = (
    select(workers.c.uuid, workers.c.last_seen)
    .where(
        workers.c.deleted.is_(None),
        workers.c.last_seen.is_not(None),
        workers.c.status.not_in(sorted(CANNOT_TIME_OUT)),
    )
    .order_by(workers.c.key)
)


def last_seen(tx: Tx) -> dict[str, datetime]:
    """The workers that should be heard of, by UUID, and when each was heard of last."""
    return {row.uuid: row.last_seen for row in tx.execute(_HEARD)}
