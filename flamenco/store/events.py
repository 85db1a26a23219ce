"""The outbox: what happened, written in the transaction that made it happen, so neither exists without the other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import delete, insert, select

from flamenco.domain.events import Event
from flamenco.store.engine import Tx
from flamenco.store.schema import events

_INSERT = insert(events)


def append(tx: Tx, happened: Iterable[Event], now: datetime) -> None:
    """Add events, in their order."""
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
