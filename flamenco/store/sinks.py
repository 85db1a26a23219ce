"""Event sinks: how far each of them is, and the events that were given up, its dead letters.

What a process found out while it delivered is only written where the row still says what that process had started
from: one that was too slow and lost its lease changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Row, bindparam, delete, insert, select, text, update
from sqlalchemy import func as sql

from flamenco.hooks.types import PublishedEvent
from flamenco.store import events
from flamenco.store.engine import Tx
from flamenco.store.schema import RETRY_SQL, dead_letters, sinks


class SinkProgress(Struct, frozen=True):
    """How a sink is doing. Everything up to the event `cursor` is done with.

    `failures` are those of the next event; `backoff_s` is the length of the last pause, 0 once something got through.
    """

    name: str
    cursor: int
    failures: int = 0
    backoff_s: float = 0.0
    retry_at: datetime | None = None
    error: str = ""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a sink could not deliver in so many attempts; with `retry`, it will be tried once more."""

    key: int
    sink: str
    event: PublishedEvent
    died: datetime
    attempts: int
    error: str
    retry: bool = False


# -- how far a sink is ------------------------------------------------------------------------------------------------

_PROGRESS = select(
    sinks.c.name, sinks.c.cursor, sinks.c.failures, sinks.c.backoff_s, sinks.c.retry_at, sinks.c.error
).order_by(sinks.c.name)
_BY_NAME = _PROGRESS.where(sinks.c.name == bindparam("sink_name"))
_ADD = text("INSERT INTO sinks (name, cursor) VALUES (:name, :cursor) ON CONFLICT DO NOTHING")
_SAVE = (
    update(sinks)
    .where(
        sinks.c.name == bindparam("sink_name"),
        sinks.c.cursor == bindparam("cursor_before"),
        sinks.c.failures == bindparam("failures_before"),
    )
    .values(
        cursor=bindparam("new_cursor"),
        failures=bindparam("new_failures"),
        backoff_s=bindparam("new_backoff_s"),
        retry_at=bindparam("new_retry_at"),
        error=bindparam("new_error"),
    )
)


def progress(tx: Tx, name: str) -> SinkProgress | None:
    """How the sink is doing; None for one that was never served."""
    row = tx.execute(_BY_NAME, {"sink_name": name}).first()
    return SinkProgress(*row) if row else None


def all_progress(tx: Tx) -> list[SinkProgress]:
    """How every sink is doing, by name; also those that are not there any more."""
    return [SinkProgress(*row) for row in tx.execute(_PROGRESS)]


def add(tx: Tx, name: str) -> None:
    """Let a sink that is new begin after the newest event there is. One that is known stays as it is."""
    tx.execute(_ADD, {"name": name, "cursor": events.newest(tx)})


def save(tx: Tx, before: SinkProgress, now: SinkProgress) -> bool:
    """Write how a sink is doing; False, and nothing is written, when another process was quicker."""
    values = {
        "sink_name": before.name,
        "cursor_before": before.cursor,
        "failures_before": before.failures,
        "new_cursor": now.cursor,
        "new_failures": now.failures,
        "new_backoff_s": now.backoff_s,
        "new_retry_at": now.retry_at,
        "new_error": now.error,
    }
    return tx.execute(_SAVE, values).rowcount == 1


def forget_removed(tx: Tx, present: Collection[str]) -> int:
    """Delete the rows of sinks that are not `present` and have no dead letters. Returns how many."""
    buried = select(dead_letters.c.sink)
    removed = delete(sinks).where(sinks.c.name.not_in(sorted(present)), sinks.c.name.not_in(buried))
    return int(tx.execute(removed).rowcount)


# -- dead letters -----------------------------------------------------------------------------------------------------

_LETTER: tuple[ColumnElement[Any], ...] = (
    dead_letters.c.key,
    dead_letters.c.sink,
    dead_letters.c.event_key,
    dead_letters.c.created,
    dead_letters.c.topic,
    dead_letters.c.payload,
    dead_letters.c.died,
    dead_letters.c.attempts,
    dead_letters.c.error,
    dead_letters.c.retry,
)
_INSERT = insert(dead_letters)
_WANTED = (
    select(*_LETTER)
    .where(dead_letters.c.sink == bindparam("sink_name"), text(RETRY_SQL))
    .order_by(dead_letters.c.key)
    .limit(bindparam("most"))
)
_DELIVERED = delete(dead_letters).where(dead_letters.c.key == bindparam("letter_key"), text(RETRY_SQL))
_FAILED_AGAIN = (
    update(dead_letters)
    .where(dead_letters.c.key == bindparam("letter_key"), text(RETRY_SQL))
    .values(
        attempts=dead_letters.c.attempts + 1,
        died=bindparam("new_died"),
        error=bindparam("new_error"),
        retry=False,
    )
)
_COUNTS = select(dead_letters.c.sink, sql.count()).group_by(dead_letters.c.sink)


def bury(tx: Tx, sink: str, event: PublishedEvent, attempts: int, error: str, now: datetime) -> None:
    """Keep an event that was given up."""
    tx.execute(
        _INSERT,
        {
            "sink": sink,
            "event_key": event.id,
            "created": event.created,
            "died": now,
            "topic": event.topic,
            "payload": msgspec.json.encode(event.payload).decode(),
            "attempts": attempts,
            "error": error,
        },
    )


def wanted_again(tx: Tx, sink: str, limit: int) -> list[DeadLetter]:
    """The dead letters that somebody wants delivered after all, oldest first."""
    return [_letter(row) for row in tx.execute(_WANTED, {"sink_name": sink, "most": limit})]


def remove_delivered(tx: Tx, letter: DeadLetter) -> None:
    """Forget a dead letter that got through after all."""
    tx.execute(_DELIVERED, {"letter_key": letter.key})


def bury_again(tx: Tx, letter: DeadLetter, error: str, now: datetime) -> None:
    """One more attempt failed: the letter waits for somebody's decision again."""
    tx.execute(_FAILED_AGAIN, {"letter_key": letter.key, "new_died": now, "new_error": error})


def newest_dead(tx: Tx, limit: int, sink: str | None = None) -> list[DeadLetter]:
    """The newest dead letters, at most `limit` of each sink; by sink, then in the order they were given up."""
    age = sql.row_number().over(partition_by=dead_letters.c.sink, order_by=dead_letters.c.key.desc()).label("age")
    ranked = select(dead_letters.c.key, age)
    if sink is not None:
        ranked = ranked.where(dead_letters.c.sink == sink)
    aged = ranked.subquery()
    shown = (
        select(*_LETTER)
        .join(aged, aged.c.key == dead_letters.c.key)
        .where(aged.c.age <= limit)
        .order_by(dead_letters.c.sink, dead_letters.c.key)
    )
    return [_letter(row) for row in tx.execute(shown)]


def count_dead(tx: Tx) -> dict[str, int]:
    """How many dead letters there are, by sink."""
    return {name: int(count) for name, count in tx.execute(_COUNTS)}


def want_again(tx: Tx, sink: str, keys: Collection[int] | None) -> int:
    """Mark dead letters of a sink to be delivered after all; None means all. Returns how many."""
    return int(tx.execute(update(dead_letters).where(*_chosen(sink, keys)).values(retry=True)).rowcount)


def discard(tx: Tx, sink: str, keys: Collection[int] | None) -> int:
    """Delete dead letters of a sink; None means all. Returns how many."""
    return int(tx.execute(delete(dead_letters).where(*_chosen(sink, keys))).rowcount)


def _chosen(sink: str, keys: Collection[int] | None) -> list[ColumnElement[bool]]:
    of_sink = dead_letters.c.sink == sink
    return [of_sink] if keys is None else [of_sink, dead_letters.c.key.in_(sorted(keys))]


def _letter(row: Row[*tuple[Any, ...]]) -> DeadLetter:
    event = PublishedEvent(
        id=row.event_key, created=row.created, topic=row.topic, payload=msgspec.json.decode(row.payload)
    )
    return DeadLetter(
        key=row.key,
        sink=row.sink,
        event=event,
        died=row.died,
        attempts=row.attempts,
        error=row.error,
        retry=row.retry,
    )
