"""Who changed what. Records are written in the transaction of the change, and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, insert, select

from flamenco.store.engine import Tx
from flamenco.store.schema import audit


class Record(Struct, frozen=True, kw_only=True):
    """A change: `who` came in by which `way` from where, the `operation`, and what it was done to.

    `before` and `after` are the fields that changed, as JSON has them; secrets are not among them.
    """

    key: int = 0
    created: datetime
    who: str
    way: str
    address: str
    operation: str
    kind: str
    object_id: str
    object_name: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


_NAMES = tuple(name for name in Record.__struct_fields__ if name != "key")


def append(tx: Tx, record: Record) -> None:
    """Write a record; its `key` is given here."""
    tx.execute(insert(audit), {name: getattr(record, name) for name in _NAMES})


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
