"""Keeping the database in shape: old events go, damage is reported."""

from __future__ import annotations

from datetime import timedelta

import structlog

from flamenco.farm.context import Farm
from flamenco.store import events, recount

log = structlog.get_logger()

EVENTS_KEPT = timedelta(days=7)
"""How long events stay for those who were not looking."""

_HOUR_S = 3600.0
_BATCH = 10_000


def forget_events(farm: Farm, batch: int = _BATCH) -> float:
    """Delete the events that are older than `EVENTS_KEPT`, `batch` at a time: the others need the database too."""
    with farm.store.write() as tx:
        deleted = events.delete_before(tx, farm.clock() - EVENTS_KEPT, batch)
    return 1.0 if deleted == batch else _HOUR_S


def check_database(farm: Farm) -> float:
    """Look for damage in the database, and say so loudly. A period of 0 switches this off."""
    period = farm.config.database_check_period
    if not period:
        return _HOUR_S
    with farm.store.read() as tx:
        problems = recount.damaged(tx)
    for problem in problems:
        log.error("the database is damaged; stop the manager and restore a backup", problem=problem)
    return period
