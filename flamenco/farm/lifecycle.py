"""Telling that the manager starts and stops, to whoever follows events. That nobody can be told stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog

from flamenco.domain.errors import FarmError
from flamenco.domain.events import LifeCycleEventType, life_cycle_event
from flamenco.farm.context import Farm
from flamenco.farm.following import follow_logs_for_sinks
from flamenco.store import events, sinks
from flamenco.store.engine import Store, Tx

log = structlog.get_logger(__name__)


def tell_startup(farm: Farm) -> None:
    """Publish that the manager has started. It is the first event for sinks that are new."""
    with _telling(farm.store) as tx:
        # In one order: managers on two hosts may start at the same time.
        for name in sorted(farm.event_sinks):
            sinks.add(tx, name)
        follow_logs_for_sinks(farm, tx)
        events.append(tx, [life_cycle_event(LifeCycleEventType.STARTUP)], farm.clock())


def tell_shutdown(store: Store, now: datetime) -> None:
    """Publish that the manager stops. Takes the database alone: a manager that stops has no farm any more."""
    with _telling(store) as tx:
        events.append(tx, [life_cycle_event(LifeCycleEventType.SHUTDOWN)], now)


def tell_restart(farm: Farm) -> None:
    """Publish that the manager stops and starts; others take over for its processes, so that it is never away."""
    happened = [life_cycle_event(kind) for kind in (LifeCycleEventType.SHUTDOWN, LifeCycleEventType.STARTUP)]
    with _telling(farm.store) as tx:
        events.append(tx, happened, farm.clock())


@contextmanager
def _telling(store: Store) -> Iterator[Tx]:
    try:
        with store.write() as tx:
            yield tx
    except FarmError as error:
        log.warning("nobody is told that the manager starts or stops", reason=str(error))
