"""Workers that fail everything are given nothing any more, until a person, or their self-test, says that they are well.

To existing clients such a worker is in error. What it failed is noted after the failure itself, in a transaction of its
own: whoever changes both worker and job locks the worker first. Should a process die in between, one failure less is
known of the worker.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from msgspec.structs import replace

from flamenco.domain import sickness as rules
from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.events import worker_event
from flamenco.domain.model import Worker
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.failing import Aftermath, Blame
from flamenco.farm.workers import return_tasks, write_logs
from flamenco.store import events, self_tests, sick_workers
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx

log = structlog.get_logger(__name__)


def after_failure(farm: Farm, worker: Worker, job_key: int, aftermath: Aftermath) -> None:
    """Note what a failure says of its worker, as it was a moment ago, which may be too much by now."""
    if aftermath.blame is Blame.IN_ERROR:
        fall_sick(farm, worker.id, aftermath.sentence, job_key)
        return
    most = farm.config.failures.sick_after_failures
    # A job of which it fails one task after the other is noted as often as it counts, and no more.
    if aftermath.blame is Blame.FAILED and rules.one_more(worker.failing, job_key, most) != worker.failing:
        _one_more(farm, worker.id, job_key)


def after_success(farm: Farm, worker: Worker) -> None:
    """A worker has completed a task: what it failed before is forgotten."""
    if not worker.failing:
        return
    with farm.store.write() as tx:
        known = _lock(tx, worker.id)
        if known is not None and not known.sick:
            worker_store.save(tx, replace(known, failing=()), farm.clock())


def _one_more(farm: Farm, worker_id: str, job_key: int) -> None:
    settings = farm.config.failures
    with farm.store.write() as tx:
        worker = _lock(tx, worker_id)
        if worker is None or worker.sick:
            return
        failing = rules.one_more(worker.failing, job_key, settings.sick_after_failures)
        worker_store.save(tx, replace(worker, failing=failing), farm.clock())
    if rules.is_sick(failing, settings.sick_after_failures, settings.sick_after_jobs):
        fall_sick(farm, worker_id, rules.told(failing))


def _lock(tx: Tx, worker_id: str) -> Worker | None:
    try:
        return worker_store.lock(tx, worker_id)
    except NotFound:  # somebody has deleted it
        return None


def fall_sick(farm: Farm, worker_id: str, reason: str, by_job: int | None = None) -> None:
    """Give a worker nothing any more, for that reason; what it has goes back. `by_job`: a rule of that job said so."""
    now = farm.clock()
    with farm.store.write() as tx:
        before = _lock(tx, worker_id)
        if before is None or before.sick:
            return
        status = WorkerStatus.ERROR if before.status is WorkerStatus.AWAKE else before.status
        sick = replace(before, status=status, sick=reason, sick_since=now, **_asked(tx, before, now))
        worker_store.save(tx, sick, now)
        sick_workers.note_job(tx, sick.key, by_job)
        events.append(tx, [worker_event(sick, now, before.status)], now)
        cascades = return_tasks(farm, tx, sick, f"worker {sick.name} is sick")
    log.warning("a worker is sick, and given nothing until it is healed", name=sick.name, worker=sick.id, reason=reason)
    write_logs(farm, cascades)


def _asked(tx: Tx, worker: Worker, now: datetime) -> dict[str, Any]:
    """What has a worker test itself, if it can: should that pass, it is well again."""
    known = self_tests.find(tx, worker.key)
    if known is None or not known.is_of(worker) or worker.status_requested is not None:
        return {}
    if known.report is not None and rules.is_not_seen(known.report, now):
        return {}
    self_tests.put(tx, replace(known, asked=now))
    return {"status_requested": WorkerStatus.TESTING, "lazy_request": False}


def heal(farm: Farm, worker_id: str, how: str = "") -> Worker:
    """A sick worker is well again: a person says so, or, as `how` tells, its self-test. Gives it as it is then.

    Where it is in error, it is asked to be awake. Raises `NotFound`, and `Conflict` for one that is not sick.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        before = worker_store.lock(tx, worker_id)
        if not before.sick:
            raise Conflict("It is not sick.")
        well = _well(before)
        worker_store.save(tx, well, now)
        sick_workers.note_job(tx, well.key, None)
        after = {"sick": "", "how": how} if how else {"sick": ""}
        audit.note(tx, now, "worker", well.id, well.name, before={"sick": before.sick}, after=after)
        events.append(tx, [worker_event(well, now)], now)
    log.info("a worker is well again", name=well.name, worker=well.id, how=how)
    return well


def _well(worker: Worker) -> Worker:
    well = replace(worker, sick="", sick_since=None, failing=())
    if worker.status is not WorkerStatus.ERROR or worker.status_requested is not None:
        return well
    return replace(well, status_requested=WorkerStatus.AWAKE, lazy_request=False)
