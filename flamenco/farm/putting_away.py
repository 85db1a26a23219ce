"""Workers that nobody has seen for long: out of the way, with all that they did, until they sign on again."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace

from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.events import worker_event
from flamenco.domain.model import Worker
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.store import events
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx

log = structlog.get_logger(__name__)

EVERY_S: Final = 3600.0
FIRST_AFTER_S: Final = 600.0
"""After a start: a manager that was off for long lets those come back that were waiting for it."""

_MOST: Final = 100
_AGAIN_S: Final = 1.0

GONE: Final = frozenset({WorkerStatus.OFFLINE, WorkerStatus.ERROR, WorkerStatus.REGISTERED})
"""What workers are that may be put away by hand: those that are there would ask for tasks the next moment."""


def check_may_be_put_away(worker: Worker) -> None:
    """Raise `Conflict` for a worker that is there, or is put away already."""
    if worker.put_away is not None:
        raise Conflict("It is put away already.")
    if worker.status not in GONE:
        raise Conflict(f"It is {worker.status}; ask it to go first (`flamenco workers request {worker.name} offline`).")


def check_is_put_away(worker: Worker) -> None:
    """Raise `Conflict` for one that is not."""
    if worker.put_away is None:
        raise Conflict("It is not put away.")


def put_away(farm: Farm, worker_id: str) -> None:
    """Take a worker out of all lists, until it signs on again; its secret still opens.

    Raises `NotFound`, `Conflict`.
    """
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        check_may_be_put_away(worker)
        _note(tx, farm, worker, replace(worker, put_away=farm.clock()))
    stranding.look_soon(farm)


def bring_back(farm: Farm, worker_id: str) -> None:
    """Have a worker in the lists again. Raises `NotFound`, `Conflict`."""
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        check_is_put_away(worker)
        _note(tx, farm, worker, replace(worker, put_away=None))
    stranding.look_soon(farm)


def _note(tx: Tx, farm: Farm, before: Worker, after: Worker) -> None:
    now = farm.clock()
    worker_store.save(tx, after, now)
    told = {"before": {"put_away": before.put_away is not None}, "after": {"put_away": after.put_away is not None}}
    audit.note(tx, now, "worker", after.id, after.name, **told)
    events.append(tx, [worker_event(after, now)], now)


def tick(farm: Farm) -> float:
    """Put those away that were not seen for as long as the setting says; when to look again."""
    after = farm.config.put_workers_away_after
    if not after:
        return EVERY_S
    unseen_since = farm.clock() - timedelta(seconds=after)
    with farm.store.read() as tx:
        found = worker_store.unseen(tx, unseen_since, _MOST)
    for worker_id in found:
        with suppress(NotFound):  # somebody may have deleted it meanwhile
            _put_away_unseen(farm, worker_id, unseen_since)
    return _AGAIN_S if len(found) == _MOST else EVERY_S


def _put_away_unseen(farm: Farm, worker_id: str, unseen_since: datetime) -> None:
    now = farm.clock()
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        # It may have come back, or somebody may have been faster.
        if worker.put_away is not None or (worker.last_seen is not None and worker.last_seen > unseen_since):
            return
        # One of which nothing was heard for so long is not there, whatever it said last: it has to sign on.
        status = worker.status if worker.status in GONE else WorkerStatus.OFFLINE
        away = replace(worker, status=status, put_away=now)
        worker_store.save(tx, away, now)
        events.append(tx, [worker_event(away, now, worker.status)], now)
    log.info("a worker was put away that was not seen for long", name=away.name, worker=away.id)
