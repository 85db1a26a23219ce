"""Sleep schedules: people give them to workers, and they are applied when they are given and whenever they are due.

Applying one asks the worker for a status as a person would; the worker comes for it with its next poll. Times of day
are those of the machine that the manager runs on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import structs

from flamenco.domain import sleep
from flamenco.domain.errors import NotFound
from flamenco.domain.events import worker_event
from flamenco.domain.model import Worker
from flamenco.domain.sleep import SleepSchedule
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.store import events, workers
from flamenco.store import sleep as sleep_store
from flamenco.store.engine import Tx

_EVER = timedelta(days=3650)


def fetch(farm: Farm, worker_id: str) -> SleepSchedule | None:
    """The schedule of a worker; None when it has none, or does not exist."""
    with farm.store.read() as tx:
        return sleep_store.find(tx, worker_id)


def give(farm: Farm, worker_id: str, schedule: SleepSchedule) -> None:
    """Give a worker a schedule, and ask it at once for the status that the schedule says. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.write() as tx:
        worker = workers.lock(tx, worker_id)
        sleep_store.put(tx, worker.key, schedule)
        audit.note(tx, now, "worker", worker_id, worker.name, after={"sleep_schedule": structs.asdict(schedule)})
        _apply(tx, worker, schedule, now)


def due(farm: Farm, *, everybody: bool = False) -> Sequence[str]:
    """UUIDs of the workers whose schedule has to be applied, or of all with one that is active."""
    with farm.store.read() as tx:
        return sleep_store.due(tx, farm.clock() + _EVER if everybody else farm.clock())


def apply(farm: Farm, worker_id: str) -> None:
    """Apply a worker's schedule as it is by now, if it still has one and is still there."""
    now = farm.clock()
    with farm.store.write() as tx:
        try:
            worker = workers.lock(tx, worker_id)
        except NotFound:
            return
        schedule = sleep_store.of_worker(tx, worker.key)
        if schedule is not None:
            _apply(tx, worker, schedule, now)


def status_now(tx: Tx, worker: Worker, now: datetime) -> WorkerStatus:
    """What a worker that signs on is to be, as far as schedules are concerned."""
    return sleep.status_at(sleep_store.of_worker(tx, worker.key), now, datetime.astimezone)


def _apply(tx: Tx, worker: Worker, schedule: SleepSchedule, now: datetime) -> None:
    local = datetime.astimezone
    sleep_store.checked(tx, worker.key, sleep.next_check(schedule, now, local) if schedule.is_active else None)
    asked = sleep.asked(worker, sleep.status_at(schedule, now, local))
    if asked != worker:
        workers.save(tx, asked, now)
        events.append(tx, [worker_event(asked, now)], now)
