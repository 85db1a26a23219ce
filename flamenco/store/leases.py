"""Leases: of many processes, the one that holds a chore's lease runs it; another takes over when it dies."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, or_, select, text, update

from flamenco.store.engine import Tx
from flamenco.store.schema import leases

# Of two that want a lease nobody ever had, PostgreSQL lets the later one wait here, and then tells it no.
_INSERT = text(
    "INSERT INTO leases (name, owner, expires) VALUES (:name, :owner, :expires) ON CONFLICT DO NOTHING"
).bindparams(bindparam("expires", type_=leases.c.expires.type))


def is_taken(tx: Tx, name: str, owner: str, now: datetime) -> bool:
    """Whether somebody other than `owner` holds the lease `name`."""
    held = select(leases.c.name).where(leases.c.name == name, leases.c.owner != owner, leases.c.expires > now)
    return tx.execute(held).first() is not None


def take(tx: Tx, name: str, owner: str, now: datetime, until: datetime) -> bool:
    """Take or renew the lease `name`; False while somebody else holds it."""
    free = or_(leases.c.owner == owner, leases.c.expires <= now)
    taken = tx.execute(update(leases).where(leases.c.name == name, free).values(owner=owner, expires=until))
    if taken.rowcount == 1:
        return True
    return bool(tx.execute(_INSERT, {"name": name, "owner": owner, "expires": until}).rowcount)


def release(tx: Tx, owner: str) -> None:
    """Give up every lease of `owner`, so that others need not wait for them to expire."""
    tx.execute(delete(leases).where(leases.c.owner == owner))
