"""Jobs that wait for a moment: having one wait, and letting those go whose moment has come."""

from __future__ import annotations

from typing import Final

import structlog
from msgspec.structs import replace

from flamenco.domain.events import job_event
from flamenco.domain.start_times import Wall, parse
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.store import events
from flamenco.store import jobs as job_store
from flamenco.store.scheduling import queues, starting

log = structlog.get_logger(__name__)

WALL: Final = Wall()
"""The clock on the manager's wall: its machine's time zone."""


def put_off(farm: Farm, job_id: str, written: str, reason: str) -> dict[str, str]:
    """Have a job start at a moment that somebody wrote down, or now; what runs of it already goes on.

    Gives what takes that back: when it was to start before, and why. Raises `NotFound`, `Refused`.
    """
    now = farm.clock()
    start = parse(written, now, WALL)
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        old_reason = starting.reason_of(tx, job.key)
        changed = replace(job, start_after=start, updated=now)
        job_store.save(tx, job, changed)
        starting.save_reason(tx, job.key, reason if start else "")
        if changed.is_open != job.is_open:
            queues.offer(tx, changed)
        before = {"start_after": job.start_after, "reason": old_reason}
        after = {"start_after": start, "reason": reason if start else ""}
        audit.note(tx, now, "job", job.id, job.name, before=before, after=after)
        events.append(tx, [job_event(changed)], now)
    waited = job.start_after if job.start_after and job.start_after > now else None
    return {"start_after": waited.isoformat() if waited else "now", "reason": old_reason}


def let_some_go(farm: Farm) -> None:
    """Let some jobs start whose moment has come, unless another thread of this process is about to.

    Where very many start at once, whoever asks for a task meanwhile would let some go after all the others who do.
    """
    if farm.starting.acquire(blocking=False):
        try:
            let_go(farm)
        finally:
            farm.starting.release()


def let_go(farm: Farm) -> int:
    """Let jobs start whose moment has come, some at a time; how many."""
    now = farm.clock()
    with farm.store.write() as tx:
        started = starting.let_go(tx, now)
        events.append(tx, [job_event(job) for job in started], now)
    for job in started:
        log.info("a job starts", name=job.name, job=job.id)
    return len(started)
