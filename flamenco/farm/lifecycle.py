"""Tells that the manager starts and stops: once for all its processes."""

from __future__ import annotations

from datetime import datetime

from flamenco.domain.events import LifeCycleEventType, life_cycle_event
from flamenco.store import events
from flamenco.store.engine import Store


def tell(store: Store, kind: LifeCycleEventType, now: datetime) -> None:
    """Publish it. Takes the database alone: a manager that stops has no farm any more."""
    with store.write() as tx:
        events.append(tx, [life_cycle_event(kind)], now)
