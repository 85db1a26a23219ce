"""Who changes what, noted with the change: by people and by tokens, not what workers say all day.

Whoever takes requests says for whom, for as long as one is worked on; the use cases say what they did. So those need
not hand on something that none of them looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from flamenco.domain.access import Caller
from flamenco.domain.events import EventAudit, audit_event
from flamenco.farm.context import Farm
from flamenco.store import audit as store
from flamenco.store import events, jobs
from flamenco.store.audit import Record
from flamenco.store.engine import Tx

MOST_SHOWN: Final = 1_000


class Actor(Struct, frozen=True):
    """Somebody who has something done, and by which operation."""

    caller: Caller
    operation: str


_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)


def act(actor: Actor | None) -> None:
    """What is done from now on, in this thread, is done by that one; by None nothing of which there is a record."""
    _ACTOR.set(actor)


@contextmanager
def acting(caller: Caller, operation: str) -> Iterator[None]:
    """As `act`, within the block."""
    before = _ACTOR.get()
    _ACTOR.set(Actor(caller, operation))
    try:
        yield
    finally:
        _ACTOR.set(before)


def note(
    tx: Tx,
    now: datetime,
    kind: str,
    object_id: str,
    name: str = "",
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Record a change of something, with the fields that were changed; no secrets among them. An event tells of it."""
    actor = _ACTOR.get()
    if actor is None:
        return
    who = actor.caller
    change = EventAudit(
        created=now,
        who=who.name or who.address,
        way=who.way,
        address=who.address,
        operation=actor.operation,
        kind=kind,
        object_id=object_id,
        object_name=name,
        before=_plain(before),
        after=_plain(after),
    )
    store.append(tx, change)
    events.append(tx, [audit_event(change)], now)


def of_job(farm: Farm, job_id: str, most: int, before: int | None = None) -> list[Record]:
    """The newest changes of a job, as `records`. Raises `NotFound`."""
    with farm.store.read() as tx:
        jobs.fetch(tx, job_id)
        return store.newest(tx, min(most, MOST_SHOWN), before, kind="job", object_id=job_id)


def _plain(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    plain: dict[str, Any] | None = msgspec.to_builtins(fields, enc_hook=str)
    return plain


def records(farm: Farm, most: int, before: int | None = None, **equal: str) -> list[Record]:
    """The newest records, at most so many; older than the one numbered `before`. `equal` are columns and values."""
    with farm.store.read() as tx:
        return store.newest(tx, min(most, MOST_SHOWN), before, **equal)
