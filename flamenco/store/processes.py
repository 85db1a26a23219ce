"""What each manager process has measured of itself: a row per process, which it alone writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, delete, select, text

from flamenco.hooks.statistics import REQUEST_BOUNDS_S, RequestTimes
from flamenco.store.engine import Tx
from flamenco.store.schema import processes


class _Times(Struct, frozen=True):
    """How an operation's times are kept: without the process, which the row is of."""

    operation: str
    counts: tuple[int, ...]
    total_s: float


_PUT = text(
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
_DELETE = delete(processes).where(processes.c.seen < bindparam("moment"))


def put(tx: Tx, process: str, measured: Sequence[RequestTimes], now: datetime) -> None:
    """Write what a process has measured so far, in place of what it wrote before."""
    times = [_Times(each.operation, each.counts, each.total_s) for each in measured]
    tx.execute(_PUT, {"name": process, "measured": times, "seen": now})


def seen_since(tx: Tx, since: datetime) -> list[RequestTimes]:
    """What the processes have measured that were heard of since then, by process."""
    return [
        RequestTimes(process=row.name, operation=each.operation, counts=each.counts, total_s=each.total_s)
        for row in tx.execute(_SEEN_SINCE, {"since": since})
        for each in msgspec.convert(row.measured, list[_Times])
        # A manager of another version, which is being replaced, may have other classes.
        if len(each.counts) == len(REQUEST_BOUNDS_S) + 1
    ]


def delete_before(tx: Tx, moment: datetime) -> None:
    """Forget the processes that were last heard of before then."""
    tx.execute(_DELETE, {"moment": moment})
