"""What actions say of jobs that others go by: when they start, in which order, how long they may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flamenco.domain.actions import JobAction
from flamenco.farm import ordering, starting, tags, time_limits
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


TERMS: Final[Mapping[JobAction, Callable[[Farm, str, Arguments], Undo]]] = {
    JobAction.TAG: _tag,
    JobAction.START_AFTER: _start_after,
    JobAction.TIME_LIMITS: _time_limits,
    JobAction.ORDER: _order,
}
"""What each does with one job, and what takes it back."""
