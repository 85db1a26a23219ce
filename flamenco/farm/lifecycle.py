"""Tells that the manager starts and stops: once for all its processes."""

from __future__ import annotations

from datetime import datetime

from flamenco.domain.events import LifeCycleEventType, life_cycle_event
from flamenco.farm.context import Farm
from flamenco.store import events, sinks
from flamenco.store.engine import Store


def tell_startup(farm: Farm) -> None:
    """Publish that the manager has started. It is the first event for sinks that are new."""
    with farm.store.write() as tx:
        # In one order: managers on two hosts may start at the same time.
        for name in sorted(farm.event_sinks):
            sinks.add(tx, name)
        events.append(tx, [life_cycle_event(LifeCycleEventType.STARTUP)], farm.clock())


def tell_shutdown(store: Store, now: datetime) -> None:
    """Publish that the manager stops. Takes the database alone: a manager that stops has no farm any more."""
    with store.write() as tx:
        events.append(tx, [life_cycle_event(LifeCycleEventType.SHUTDOWN)], now)


def tell_restart(farm: Farm) -> None:
    """Publish that the manager stops and starts; others take over for its processes, so that it is never away."""
    happened = [life_cycle_event(kind) for kind in (LifeCycleEventType.SHUTDOWN, LifeCycleEventType.STARTUP)]
    with farm.store.write() as tx:
        events.append(tx, happened, farm.clock())
