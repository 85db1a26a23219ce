"""The status of the farm as a whole: worked out by a chore, told by every process."""

from __future__ import annotations

from flamenco.domain import farm_status
from flamenco.domain.events import farm_status_event
from flamenco.domain.farm_status import FarmStatus
from flamenco.domain.statuses import JobStatus
from flamenco.farm.context import Farm
from flamenco.store import events, statistics
from flamenco.store import farm_status as status_store


def latest(farm: Farm) -> FarmStatus:
    """What was found last, whichever process looked."""
    with farm.store.read() as tx:
        return status_store.latest(tx)


def look(farm: Farm) -> FarmStatus:
    """Work out the status. When it has changed, that is written down and told."""
    with farm.store.read() as tx:
        before = status_store.latest(tx)
        found = farm_status.farm_status(
            statistics.count_workers(tx),
            has_active=status_store.has_job(tx, JobStatus.ACTIVE),
            has_queued=status_store.has_job(tx, JobStatus.QUEUED),
        )
    if found is not before:
        with farm.store.write() as tx:
            if status_store.put(tx, found):
                events.append(tx, [farm_status_event(found)], farm.clock())
    return found


def forget(farm: Farm) -> None:
    """The manager starts: until somebody looks, nobody knows."""
    with farm.store.write() as tx:
        status_store.forget(tx)
