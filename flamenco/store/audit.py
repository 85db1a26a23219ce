"""Who changed what. Records are written in the transaction of the change, and never changed."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import bindparam, delete, insert, select

from flamenco.domain.events import EventAudit
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import audit


class Record(EventAudit, frozen=True, kw_only=True):
    """A change as it is kept, under a number that grows."""

    key: int = 0


_APPEND = Ready(insert(audit).values({name: bindparam(name) for name in EventAudit.__struct_fields__}).inline())


def append(tx: Tx, change: EventAudit) -> None:
    """Keep a change."""
    _APPEND.later(tx, "audit", 0, **asdict(change))


def newest(tx: Tx, most: int, before: int | None = None, **equal: str) -> list[Record]:
    """At most so many records, the newest first, older than the one numbered `before`.

    `equal` names columns and what they are to be.
    """
    statement = select(audit).order_by(audit.c.key.desc()).limit(most)
    if before is not None:
        statement = statement.where(audit.c.key < before)
    for name, value in equal.items():
        statement = statement.where(audit.c[name] == value)
    return [Record(**row) for row in tx.execute(statement).mappings()]


def forget(tx: Tx, before: datetime, most: int) -> int:
    """Drop at most so many records from before that moment; how many."""
    old = select(audit.c.key).where(audit.c.created < before).limit(most)
    return tx.execute(delete(audit).where(audit.c.key.in_(old))).rowcount
