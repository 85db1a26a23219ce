"""The outbox: what happened, written in the transaction that made it happen, so neither exists without the other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, delete, insert, select, text
from sqlalchemy import func as sql

from flamenco.domain.events import Event
from flamenco.hooks.types import PublishedEvent
from flamenco.store.engine import Tx
from flamenco.store.schema import events

_INSERT = insert(events)


def append(tx: Tx, happened: Iterable[Event], now: datetime) -> None:
    """Add events, in their order.

    After the change that they tell of: on PostgreSQL, readers rely on the transaction having its number by then.
    """
    rows = [
        {"created": now, "topic": event.topic, "payload": msgspec.json.encode(event.payload).decode()}
        for event in happened
    ]
    if rows:
        tx.execute(_INSERT, rows)


def delete_before(tx: Tx, moment: datetime, limit: int) -> int:
    """Forget events older than `moment`, at most `limit` at a time. Returns how many."""
    old = select(events.c.key).where(events.c.created < moment).order_by(events.c.created).limit(limit)
    return int(tx.execute(delete(events).where(events.c.key.in_(old))).rowcount)


_AFTER = (
    select(events.c.key, events.c.created, events.c.topic, events.c.payload)
    .where(events.c.key > bindparam("cursor"))
    .order_by(events.c.key)
    .limit(bindparam("most"))
)
# SQLite has one writer, so its keys are in the order of commits. In PostgreSQL a transaction may still be going to
# show an event with a lower key than those of others, so nothing is read of those that are not older than every
# transaction that is under way.
_SETTLED = _AFTER.where(text("events.xact < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"))
_NEWEST = select(sql.coalesce(sql.max(events.c.key), 0))
_COUNT = select(sql.count()).select_from(
    select(events.c.key).where(events.c.key > bindparam("cursor")).limit(bindparam("most")).subquery()
)


def after(tx: Tx, cursor: int, limit: int) -> list[PublishedEvent]:
    """The next events after the one with the key `cursor`, in order, before which none will turn up any more."""
    statement = _AFTER if tx.dialect.name == "sqlite" else _SETTLED
    return [
        PublishedEvent(id=row.key, created=row.created, topic=row.topic, payload=msgspec.json.decode(row.payload))
        for row in tx.execute(statement, {"cursor": cursor, "most": limit})
    ]


def newest(tx: Tx) -> int:
    """The key of the newest event, 0 when there is none."""
    return int(tx.execute(_NEWEST).scalar_one())


def count_after(tx: Tx, cursor: int, most: int) -> int:
    """How many events there are after `cursor`, counted up to `most`."""
    return int(tx.execute(_COUNT, {"cursor": cursor, "most": most}).scalar_one())
