"""Leases: of many processes, the one that holds a chore's lease runs it; another takes over when it dies."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import and_, bindparam, delete, or_, select, text, update
from sqlalchemy import func as sql

from flamenco.store.engine import Tx
from flamenco.store.schema import leases

# Of two that want a lease nobody ever had, PostgreSQL lets the later one wait here, and then tells it no.
_INSERT = text(
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
    return bool(tx.execute(_INSERT, {"name": name, **values}).rowcount)


def release(tx: Tx, owner: str) -> None:
    """Give up every lease of `owner`, so that others need not wait for them to expire."""
    tx.execute(delete(leases).where(leases.c.owner == owner))
