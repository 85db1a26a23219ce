"""Manager processes among each other: which one runs a chore, by leases, and what each has measured of itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import and_, bindparam, delete, or_, select, text, update
from sqlalchemy import func as sql

from flamenco.hooks.statistics import REQUEST_BOUNDS_S, RequestTimes
from flamenco.store.engine import Tx
from flamenco.store.schema import leases, processes

# Of two that want a lease nobody ever had, PostgreSQL lets the later one wait here, and then tells it no.
_INSERT_LEASE = text(
    "INSERT INTO leases (name, owner, expires, seconds) VALUES (:name, :owner, :expires, :seconds)"
    " ON CONFLICT DO NOTHING"
).bindparams(bindparam("expires", type_=leases.c.expires.type))


_SERVER_TIME = select(sql.clock_timestamp(type_=leases.c.expires.type))


def clock(tx: Tx, own: datetime) -> datetime:
    """The time that leases go by: the server's, since hosts differ; SQLite has one host, whose time is our `own`."""
    return own if tx.dialect.name == "sqlite" else tx.execute(_SERVER_TIME).scalar_one()


class Held(Struct, frozen=True):
    """A lease as it was taken or renewed last: when it expires by the clock, and for how long it was taken."""

    owner: str
    expires: datetime
    seconds: float


def held(tx: Tx, name: str) -> Held | None:
    """Who has the lease `name`, or had it last."""
    found = select(leases.c.owner, leases.c.expires, leases.c.seconds).where(leases.c.name == name)
    row = tx.execute(found).first()
    return Held(*row) if row else None


def take(tx: Tx, name: str, owner: str, now: datetime, until: datetime, *, given_up: Held | None = None) -> bool:
    """Take or renew the lease `name`; False while somebody else holds it.

    `given_up`: take it as it is there, if it still is, whatever the clock says.
    """
    seconds = (until - now).total_seconds()
    expired = leases.c.expires <= now
    if given_up is not None:
        expired = or_(expired, and_(leases.c.owner == given_up.owner, leases.c.expires == given_up.expires))
    free = or_(leases.c.owner == owner, expired)
    values = {"owner": owner, "expires": until, "seconds": seconds}
    if tx.execute(update(leases).where(leases.c.name == name, free).values(values)).rowcount == 1:
        return True
    return bool(tx.execute(_INSERT_LEASE, {"name": name, **values}).rowcount)


def release(tx: Tx, owner: str) -> None:
    """Give up every lease of `owner`, so that others need not wait for them to expire."""
    tx.execute(delete(leases).where(leases.c.owner == owner))


class _Times(Struct, frozen=True):
    """How an operation's times are kept: without the process, which the row is of."""

    operation: str
    counts: tuple[int, ...]
    total_s: float


_PUT_MEASUREMENTS = text(
    "INSERT INTO processes (name, measured, seen) VALUES (:name, :measured, :seen)"
    " ON CONFLICT (name) DO UPDATE SET measured = excluded.measured, seen = excluded.seen"
).bindparams(
    bindparam("measured", type_=processes.c.measured.type),
    bindparam("seen", type_=processes.c.seen.type),
)
_SEEN_SINCE = (
    select(processes.c.name, processes.c.measured)
    .where(processes.c.seen >= bindparam("since"))
    .order_by(processes.c.name)
)
_DELETE_MEASUREMENTS = delete(processes).where(processes.c.seen < bindparam("moment"))


def put_measurements(tx: Tx, process: str, measured: Sequence[RequestTimes], now: datetime) -> None:
    """Write what a process has measured so far, in place of what it wrote before."""
    times = [_Times(each.operation, each.counts, each.total_s) for each in measured]
    tx.execute(_PUT_MEASUREMENTS, {"name": process, "measured": times, "seen": now})


def measurements_since(tx: Tx, since: datetime) -> list[RequestTimes]:
    """What the processes have measured that were heard of since then, by process."""
    return [
        RequestTimes(process=row.name, operation=each.operation, counts=each.counts, total_s=each.total_s)
        for row in tx.execute(_SEEN_SINCE, {"since": since})
        for each in msgspec.convert(row.measured, list[_Times])
        # A manager of another version, which is being replaced, may have other classes.
        if len(each.counts) == len(REQUEST_BOUNDS_S) + 1
    ]


def forget_measurements(tx: Tx, moment: datetime) -> None:
    """Forget the processes that were last heard of before then."""
    tx.execute(_DELETE_MEASUREMENTS, {"moment": moment})
