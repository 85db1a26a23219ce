"""What actions say of jobs that others go by: when they start, in which order, on which workers, and how many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flamenco.domain.actions import JobAction
from flamenco.farm import blocks, job_workers, limits, notes, ordering, retry_limits, starting, tags, time_limits
from flamenco.farm.actions.values import Arguments, Undo
from flamenco.farm.context import Farm


def _tag(farm: Farm, job_id: str, given: Arguments) -> Undo:
    return Undo((job_id,), JobAction.TAG, {"tag_id": tags.set_of_job(farm, job_id, given.tag_id or None, None)})


def _start_after(farm: Farm, job_id: str, given: Arguments) -> Undo:
    return Undo((job_id,), JobAction.START_AFTER, starting.put_off(farm, job_id, given.start_after, given.reason))


def _time_limits(farm: Farm, job_id: str, given: Arguments) -> Undo:
    before = time_limits.change(farm, job_id, given.task_type, given.time_limits)
    return Undo((job_id,), JobAction.TIME_LIMITS, {"task_type": given.task_type, **before})


def _order(farm: Farm, job_id: str, given: Arguments) -> Undo:
    return Undo((job_id,), JobAction.ORDER, {"order": ordering.reorder(farm, job_id, given.order)})


def _max_workers(farm: Farm, job_id: str, given: Arguments) -> Undo:
    most = limits.set_max_workers(farm, job_id, given.max_workers)
    return Undo((job_id,), JobAction.MAX_WORKERS, {"max_workers": most})


def _workers(farm: Farm, job_id: str, given: Arguments) -> Undo:
    before = job_workers.change(farm, job_id, given.workers_allowed, given.workers_denied)
    told = {"workers_allowed": list(before.allowed), "workers_denied": list(before.denied)}
    return Undo((job_id,), JobAction.WORKERS, told)


def _block(farm: Farm, job_id: str, given: Arguments) -> Undo:
    new = blocks.block(farm, job_id, given.workers, given.task_type, given.who)
    return Undo((job_id,), JobAction.UNBLOCK, {"workers": new, "task_type": given.task_type})


def _unblock(farm: Farm, job_id: str, given: Arguments) -> Undo:
    freed = blocks.unblock(farm, job_id, given.workers, given.task_type)
    return Undo((job_id,), JobAction.BLOCK, {"workers": freed, "task_type": given.task_type})


def _note(farm: Farm, job_id: str, given: Arguments) -> Undo:
    return Undo((job_id,), JobAction.NOTE, {"note": notes.note_job(farm, job_id, given.note, given.who)})


def _retries(farm: Farm, job_id: str, given: Arguments) -> Undo:
    return Undo((job_id,), JobAction.RETRIES, retry_limits.change(farm, job_id, given.retries))


TERMS: Final[Mapping[JobAction, Callable[[Farm, str, Arguments], Undo]]] = {
    JobAction.TAG: _tag,
    JobAction.START_AFTER: _start_after,
    JobAction.TIME_LIMITS: _time_limits,
    JobAction.ORDER: _order,
    JobAction.RETRIES: _retries,
    JobAction.MAX_WORKERS: _max_workers,
    JobAction.WORKERS: _workers,
    JobAction.BLOCK: _block,
    JobAction.UNBLOCK: _unblock,
    JobAction.NOTE: _note,
}
"""What each does with one job, and what takes it back."""
