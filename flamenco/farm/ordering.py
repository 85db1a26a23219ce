"""Putting the frames of a job into another order while it is there, some at a time, so that workers go on meanwhile.

Tasks that are being run, or are done, have places too; which ones matter only to those that are still to come.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from flamenco.domain.actions import JOB_ACTIONS, JobAction, check_fits
from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.events import job_event
from flamenco.domain.frame_order import AS_COMPILED, parse, places
from flamenco.farm import audit, pausing
from flamenco.farm.context import Farm
from flamenco.store import events, frame_orders
from flamenco.store import jobs as job_store
from flamenco.store.frame_orders import Place

AT_ONCE: Final = 400
"""So many tasks are put elsewhere in one transaction: in SQLite all who write wait for that, some 10 ms."""


def reorder(farm: Farm, job_id: str, written: str) -> str:
    """Have a job's frames come in an order as people write it; gives the one that it had.

    Raises `NotFound`, `Refused` for what is no order, `Conflict` for a job that has ended, or knows nothing of frames.
    """
    order, now = parse(written), farm.clock()
    said = "" if order == AS_COMPILED else str(order)
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        check_fits(JOB_ACTIONS[JobAction.ORDER], job.status)
        if not frame_orders.has_frames(tx, job.key):
            raise Conflict("None of its tasks says which frames it is about, so there is nothing to put in order.")
        before = frame_orders.of_job(tx, job.key) or str(AS_COMPILED)
        frame_orders.begin(tx, job.key, said)
        changed = replace(job, updated=now)
        job_store.save(tx, job, changed)
        audit.note(tx, now, "job", job.id, job.name, before={"order": before}, after={"order": str(order)})
        events.append(tx, [job_event(changed)], now)
    finish(farm, job.key)
    return before


def finish(farm: Farm, job_key: int) -> None:
    """Put all tasks of a job where its order has them, unless somebody wants another one meanwhile."""
    with farm.store.read() as tx:
        said = frame_orders.of_job(tx, job_key)
        there, placed = frame_orders.of_tasks(tx, job_key)
    found = zip(there, places(placed, parse(said)), strict=True)
    misplaced = [Place(each.task_key, place) for each, place in found if each.ord != place]
    with suppress(NotFound):  # somebody has deleted it for good
        for start in range(0, len(misplaced) or 1, AT_ONCE):
            is_last = start + AT_ONCE >= len(misplaced)
            started = time.monotonic()
            if not _put(farm, job_key, said, misplaced[start : start + AT_ONCE], is_last=is_last):
                return
            if not is_last:
                pausing.give_way(farm, time.monotonic() - started)


def _put(farm: Farm, job_key: int, order: str, some: Sequence[Place], *, is_last: bool) -> bool:
    """Whether that order is still wanted."""
    with farm.store.write() as tx:
        job_store.lock(tx, job_key)
        if not frame_orders.is_wanted(tx, job_key, order):
            return False
        if some:
            frame_orders.put(tx, some)
        if is_last:
            frame_orders.done(tx, job_key)
    return True


def finish_all(farm: Farm) -> int:
    """Go on with what a process that died had begun. Returns with how many jobs."""
    with farm.store.read() as tx:
        unfinished = frame_orders.unfinished(tx)
    for job_key in unfinished:
        finish(farm, job_key)
    return len(unfinished)
