"""The outbox: what happened, written in the transaction that made it happen, so neither exists without the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import CursorResult, Row, bindparam, delete, select, text
from sqlalchemy import func as sql

from flamenco.domain.events import TASK_LOGS, Event, matches
from flamenco.hooks.types import PublishedEvent
from flamenco.store import log_followers
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import TASK_LOG_SQL, events

# SQLite has one writer, so its keys are in the order of commits. In PostgreSQL keys are given out to transactions that
# end in any order: one that is under way may be going to show an event with a lower key than those that are there. So
# each says, before it is given keys, beyond which number they will be: by a lock, which everybody can see and nobody
# waits for, and which goes after the events have come.
_HIGHEST_SQL = "coalesce(pg_sequence_last_value('events_key_seq'), 0)"
# A lock goes by 64 bits: the upper 16 say that it is about this, the others are the number.
_SAY_WHERE_SQL = f"SELECT pg_advisory_xact_lock_shared((26220::bigint << 48) + {_HIGHEST_SQL})"
_HIGHEST = text(f"SELECT {_HIGHEST_SQL}")
_LOWEST_UNDER_WAY = text(
    "SELECT min(((classid::bigint & 65535) << 32) + objid::bigint) FROM pg_locks "
    "WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = 26220 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


_INSERT_SQL = "INSERT INTO events (created, topic, payload)"
_NO_LOG_IS_FOLLOWED_SQL = "NOT EXISTS (SELECT 1 FROM log_followers)"

_MOST_AT_ONCE: Final = 8
"""So many events are stored by one statement of their number; a server is sent more of them as two lists."""


class Horizon(Struct, frozen=True):
    """How far the events are known: up to `settled` none will turn up any more; none has a key beyond `highest`."""

    settled: int
    highest: int


def append(tx: Tx, happened: Iterable[Event], now: datetime) -> None:
    """Add events, in their order, but those of task logs that nobody follows.

    To be called after the change that they tell of, so that they are in the order of changes.
    """
    happened = tuple(happened)
    others = [event for event in happened if not event.topic.startswith(TASK_LOGS)]
    # Hardly ever is any log followed, and then all is done with one statement.
    is_usual = 0 < len(others) <= _MOST_AT_ONCE and len(others) < len(happened)
    if is_usual and _insert(tx, others, now, unless_logs_are_followed=True):
        return
    if len(others) < len(happened):
        followed = log_followers.patterns(tx)
        happened = tuple(
            each for each in happened if not each.topic.startswith(TASK_LOGS) or matches(each.topic, followed)
        )
    if len(happened) > _MOST_AT_ONCE and tx.dialect.name != "sqlite":
        _insert_many(tx, happened, now)
        return
    for start in range(0, len(happened), _MOST_AT_ONCE):
        _insert(tx, happened[start : start + _MOST_AT_ONCE], now)


_LISTS_SQL = "unnest(CAST(:topics AS text[]), CAST(:payloads AS text[])) WITH ORDINALITY"
_INSERT_MANY = Ready(
    text(
        f"{_INSERT_SQL} WITH said AS MATERIALIZED ({_SAY_WHERE_SQL})"  # noqa: S608 - our own names
        " SELECT CAST(:created AS timestamptz), told.topic, told.payload"
        f" FROM said, {_LISTS_SQL} AS told (topic, payload, number) ORDER BY told.number"
    ).bindparams(bindparam("created", type_=events.c.created.type))
)


def _insert_many(tx: Tx, happened: Sequence[Event], now: datetime) -> None:
    """Add any number of events to a server's, in their order: without a round trip for every few of them."""
    payloads = [msgspec.json.encode(event.payload).decode() for event in happened]
    topics = [event.topic for event in happened]
    _INSERT_MANY.run_with_those(tx, "events", 0, created=now, topics=topics, payloads=payloads)


def _insert(tx: Tx, happened: Sequence[Event], now: datetime, *, unless_logs_are_followed: bool = False) -> bool:
    """Add some events, in their order; whether they were added."""
    values = {f"topic_{number}": event.topic for number, event in enumerate(happened)}
    for number, event in enumerate(happened):
        values[f"payload_{number}"] = msgspec.json.encode(event.payload).decode()
    statement = _insertion(len(happened), tx.dialect.name, unless_logs_are_followed=unless_logs_are_followed)
    return statement.run_with_those(tx, "events", 0, created=now, **values) > 0


@cache
def _insertion(count: int, database: str, *, unless_logs_are_followed: bool) -> Ready:
    """One statement for so many events: one after the other would be as many round trips to a server."""
    rows = ", ".join(f"({number}, :topic_{number}, :payload_{number})" for number in range(count))
    told = f"told (number, topic, payload) AS (VALUES {rows})"
    if database == "sqlite":
        before, created, source = told, ":created", "told"
    else:
        before, created = f"said AS MATERIALIZED ({_SAY_WHERE_SQL}), {told}", "CAST(:created AS timestamptz)"
        source = "said, told"
    condition = f"WHERE {_NO_LOG_IS_FOLLOWED_SQL}" if unless_logs_are_followed else ""
    chosen = f"SELECT {created}, topic, payload FROM {source} {condition} ORDER BY number"  # noqa: S608 - our own names
    # In this order: of what begins otherwise, SQLite's driver does not say how many rows it concerned.
    insertion = text(f"{_INSERT_SQL} WITH {before} {chosen}")
    return Ready(insertion.bindparams(bindparam("created", type_=events.c.created.type)))


def is_followed(tx: Tx, topic: str) -> bool:
    """Whether anybody wants to know of what happens under a topic of task logs."""
    return matches(topic, log_followers.patterns(tx))


def delete_before(tx: Tx, moment: datetime, limit: int) -> int:
    """Forget events older than `moment`, at most `limit` at a time. Returns how many.

    The newest stays, however old it is: it says how far the numbers have got.
    """
    newest_key = select(sql.max(events.c.key)).scalar_subquery()
    old = (
        select(events.c.key)
        .where(events.c.created < moment, events.c.key < newest_key)
        .order_by(events.c.created)
        .limit(limit)
    )
    return int(tx.execute(delete(events).where(events.c.key.in_(old))).rowcount)


def delete_all_but(tx: Tx, most: int, limit: int) -> int:
    """Forget the oldest events where there are more than about `most`, at most `limit` at a time. Returns how many."""
    newest_key = select(sql.max(events.c.key)).scalar_subquery()
    old = select(events.c.key).where(events.c.key <= newest_key - most).order_by(events.c.key).limit(limit)
    return int(tx.execute(delete(events).where(events.c.key.in_(old))).rowcount)


def delete_task_logs_before(tx: Tx, moment: datetime, limit: int) -> int:
    """Forget events of task logs older than `moment`, at most `limit` at a time. Returns how many."""
    newest_key = select(sql.max(events.c.key)).scalar_subquery()
    old = (
        select(events.c.key)
        .where(text(TASK_LOG_SQL), events.c.created < moment, events.c.key < newest_key)
        .order_by(events.c.created)
        .limit(limit)
    )
    return int(tx.execute(delete(events).where(events.c.key.in_(old))).rowcount)


_NO_END = 2**63 - 1
_AFTER = (
    select(events.c.key, events.c.created, events.c.topic, events.c.payload)
    .where(events.c.key > bindparam("cursor"), events.c.key <= bindparam("settled"))
    .order_by(events.c.key)
    .limit(bindparam("most"))
)
_NEWEST = select(sql.coalesce(sql.max(events.c.key), 0))
_OLDEST = select(sql.coalesce(sql.min(events.c.key), 0))
_COUNT = select(sql.count()).select_from(
    select(events.c.key).where(events.c.key > bindparam("cursor")).limit(bindparam("most")).subquery()
)


def horizon(tx: Tx) -> Horizon:
    """How far the events are known. What is read up to `settled` has to be read in a later transaction than this."""
    if tx.dialect.name == "sqlite":
        last = newest(tx)
        return Horizon(last, last)
    # In this order: whoever has a key up to this one holds the lock by now, or has ended.
    highest = int(tx.execute(_HIGHEST).scalar_one())
    lowest = tx.execute(_LOWEST_UNDER_WAY).scalar_one()
    return Horizon(highest if lowest is None else min(highest, int(lowest)), highest)


def after(tx: Tx, cursor: int, limit: int, settled: int = _NO_END) -> list[PublishedEvent]:
    """The next events after the one with the key `cursor`, in order, up to the key `settled`; see `horizon`."""
    return [_published(row) for row in _rows_after(tx, cursor, limit, settled)]


def matching(
    tx: Tx, cursor: int, limit: int, most: int, settled: int, is_wanted: Callable[[str], bool]
) -> tuple[list[PublishedEvent], int, int]:
    """The next events as `after` gives them whose topic is wanted, `limit` at most, out of the next `most` at most.

    Returns them, how many were looked at, and the key of the last one of those.
    """
    found: list[PublishedEvent] = []
    looked_at = 0
    for row in _rows_after(tx, cursor, most, settled):
        looked_at, cursor = looked_at + 1, row.key
        if is_wanted(row.topic):
            found.append(_published(row))
            if len(found) == limit:
                break
    return found, looked_at, cursor


def _rows_after(tx: Tx, cursor: int, limit: int, settled: int) -> CursorResult[int, datetime, str, str]:
    return tx.execute(_AFTER, {"cursor": cursor, "most": limit, "settled": settled})


def _published(row: Row[int, datetime, str, str]) -> PublishedEvent:
    return PublishedEvent(id=row.key, created=row.created, topic=row.topic, payload=msgspec.json.decode(row.payload))


def newest(tx: Tx) -> int:
    """The key of the newest event, 0 when there is none."""
    return int(tx.execute(_NEWEST).scalar_one())


def oldest(tx: Tx) -> int:
    """The key of the oldest event that is kept, 0 when there is none."""
    return int(tx.execute(_OLDEST).scalar_one())


def count_after(tx: Tx, cursor: int, most: int) -> int:
    """How many events there are after `cursor`, counted up to `most`."""
    return int(tx.execute(_COUNT, {"cursor": cursor, "most": most}).scalar_one())
