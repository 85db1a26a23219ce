"""Leases: of many processes, the one that holds a chore's lease runs it; another takes over when it dies."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update

from flamenco.store.engine import Tx
from flamenco.store.schema import leases


def take(tx: Tx, name: str, owner: str, now: datetime, until: datetime) -> bool:
    """Take or renew the lease `name`; False while somebody else holds it."""
    free = or_(leases.c.owner == owner, leases.c.expires <= now)
    taken = tx.execute(update(leases).where(leases.c.name == name, free).values(owner=owner, expires=until))
    if taken.rowcount == 1:
        return True
    if tx.execute(select(leases.c.name).where(leases.c.name == name)).first():
        return False
    tx.execute(insert(leases), {"name": name, "owner": owner, "expires": until})
    return True


def release(tx: Tx, owner: str) -> None:
    """Give up every lease of `owner`, so that others need not wait for them to expire."""
    tx.execute(delete(leases).where(leases.c.owner == owner))
