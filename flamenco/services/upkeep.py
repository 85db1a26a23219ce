"""Keeping the database in shape: old events go, damage is reported; and what this process measured gets there."""

from __future__ import annotations

from datetime import timedelta

import structlog

from flamenco.farm import farm_status, moving, ordering, retrying
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.store import approval_links, audit, damage, events, leases, log_followers, space, users
from flamenco.store.driver_errors import HOW_TO_RECOVER

log = structlog.get_logger()

EVENTS_KEPT = timedelta(days=7)
"""How long events stay for those who were not looking."""

FIRST_CHECK_S = 60.0
"""When to look for damage first, at the latest; what is quick to find was found before the start."""

CHECKPOINT_EVERY_S = 900.0
CHECKPOINT_RETRY_S = 15.0

TASK_LOGS_KEPT = timedelta(minutes=10)
"""How long the events of task logs stay: who looks at a log follows it, and the files have it all."""

MEASUREMENTS_KEPT = timedelta(hours=1)
"""How long what a process wrote of itself stays when nothing is heard of it any more."""

MEASURE_EVERY_S = 10.0

_TASK_LOGS_EVERY_S = 60.0
_HOUR_S = 3600.0
_BATCH = 10_000
_EVENTS_EVERY_S = 120.0
_PAGES = 500
"""Of 4 KiB each: so many are moved in a few milliseconds."""


def forget_events(farm: Farm, batch: int = _BATCH) -> float:
    """Delete the events that are older than `EVENTS_KEPT`, or more than are kept, `batch` at a time.

    The others need the database too.
    """
    with farm.store.write() as tx:
        too_many = events.delete_all_but(tx, farm.config.max_events, batch)
        too_old = events.delete_before(tx, farm.clock() - EVENTS_KEPT, batch)
    return 1.0 if batch in (too_many, too_old) else _EVENTS_EVERY_S


def give_space_back(farm: Farm, pages: int = _PAGES) -> float:
    """Give the disk back what the database does not need any more, a little at a time."""
    with farm.store.write() as tx:
        has_more = space.give_back(tx, pages)
    return 1.0 if has_more else _HOUR_S


def forget_access(farm: Farm, batch: int = _BATCH) -> float:
    """Drop sessions and links that have ended, and what is known of changes that were long ago, `batch` at a time."""
    now = farm.clock()
    with farm.store.write() as tx:
        users.forget_expired(tx, now)
        approval_links.forget_expired(tx, now)
        deleted = audit.forget(tx, now - timedelta(seconds=farm.config.access.audit_keep), batch)
    return 1.0 if deleted == batch else _HOUR_S


def forget_task_logs(farm: Farm, batch: int = _BATCH) -> float:
    """Delete the events of task logs that are older than `TASK_LOGS_KEPT`, as `forget_events` does."""
    with farm.store.write() as tx:
        log_followers.forget(tx, farm.clock())
        deleted = events.delete_task_logs_before(tx, farm.clock() - TASK_LOGS_KEPT, batch)
    return 1.0 if deleted == batch else _TASK_LOGS_EVERY_S


def check_database(farm: Farm) -> float:
    """Look for damage in the database, and say so loudly. A period of 0 switches this off.

    When the file itself is broken the manager stops, as today's Flamenco does: whatever it wrote could be lost, and
    could break more. References that lead nowhere come from outside and harm nobody else; it goes on with those.
    """
    period = farm.config.database_check_period
    if not period:
        return _HOUR_S
    with farm.store.read() as tx:
        found = damage.look(tx)
    file = str(farm.store.file)
    for each in found:
        log.error("the database is damaged", problem=each.problem, file=file)
    if any(each.in_file for each in found):
        log.critical(f"the manager stops, so that no more of the database is lost; {HOW_TO_RECOVER}", file=file)
        farm.shut_down()
    return period


def checkpoint(farm: Farm) -> float:
    """Empty the log that SQLite writes to first, which grows while readers are in the way. Soon again if they are."""
    return CHECKPOINT_EVERY_S if farm.store.checkpoint() else CHECKPOINT_RETRY_S


def write_measurements(farm: Farm) -> float:
    """Write down what this process has measured of itself, for all to tell, and forget those that ended long ago.

    Each process does this for itself, so it is under no lease.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        leases.put_measurements(tx, farm.request_times.process, farm.request_times.so_far(), now)
        leases.forget_measurements(tx, now - MEASUREMENTS_KEPT)
    return MEASURE_EVERY_S


STRANDED_FIRST_AFTER_S = 60.0
"""Workers need time to come back when the manager was away."""

STRANDED_EVERY_S = 15.0


def look_for_stranded(farm: Farm) -> float:
    """Look for tasks that nobody can run: workers come, go and change, and time passes."""
    stranding.look(farm)
    return STRANDED_EVERY_S


STATUS_EVERY_S = 1.0
"""Looking is cheaper than finding out whether there is a reason to look: workers are few, and whether any job is
active or queued is one step in an index each.
"""


def look_at_farm(farm: Farm) -> float:
    """Look what the farm as a whole is doing, and tell when that changes."""
    farm_status.look(farm)
    return STATUS_EVERY_S


MOVES_EVERY_S = 1.0
"""How soon what somebody has begun with very many tasks, and has not finished, is gone on with."""


def finish_moves(farm: Farm) -> float:
    """Go on with what a process that died had begun with many tasks of a job, and with jobs that end by themselves.

    And with tasks that were to wait for a moment before they are tried again.
    """
    moving.finish_all(farm)
    ordering.finish_all(farm)
    retrying.let_go(farm)
    return MOVES_EVERY_S
