"""The state machine: what follows for a job and its tasks when one of them changes status. Pure.

A change is answered with the list of effects in the order in which they happen. There is no table of
forbidden transitions: any status may follow any other, what differs is what follows from it.
"""

from __future__ import annotations

from msgspec import Struct

from flamenco.domain.model import TaskCounts
from flamenco.domain.statuses import RUNNABLE_TASK, UNFINISHED_TASK, JobStatus, TaskStatus

FAILED_TASKS_FAIL_JOB_PERCENT = 10
"""A job fails once this many percent of its tasks failed, truncated to whole percents."""


class JobMove(Struct, frozen=True):
    """The job goes from `old` to `new`. `refresh_tasks`: many tasks may have changed with it."""

    old: JobStatus
    new: JobStatus
    reason: str
    refresh_tasks: bool


class MassMove(Struct, frozen=True):
    """Every task of the job in one of `sources` goes to `to`; it gets `activity` as its activity."""

    sources: frozenset[TaskStatus]
    to: TaskStatus
    activity: str


Effect = JobMove | MassMove


def after_task(job: JobStatus, counts: TaskCounts, new: TaskStatus) -> tuple[JobStatus, str] | None:  # noqa: PLR0911 - one row of the table each
    """Where the job goes, and why, after one of its tasks went to `new`. `counts` include that task already."""
    if new is TaskStatus.QUEUED:
        if job is JobStatus.COMPLETED:
            return JobStatus.REQUEUEING, "task was queued"
        return None
    if new in (TaskStatus.ACTIVE, TaskStatus.SOFT_FAILED):
        if job in (JobStatus.ACTIVE, JobStatus.CANCEL_REQUESTED):
            return None
        return JobStatus.ACTIVE, f"task became {new}"
    if new is TaskStatus.CANCELED and not counts.of(*UNFINISHED_TASK):
        return JobStatus.CANCELED, "all tasks are done or canceled"
    if new is TaskStatus.FAILED and _too_many_failed(counts):
        return JobStatus.FAILED, "too many tasks failed"
    if new is TaskStatus.COMPLETED and counts.completed == counts.total:
        return JobStatus.COMPLETED, "all tasks completed"
    if job is JobStatus.PAUSE_REQUESTED and not counts.active:
        return JobStatus.PAUSED, "last active task ended"
    if job is JobStatus.QUEUED and new in (TaskStatus.FAILED, TaskStatus.COMPLETED):
        return JobStatus.ACTIVE, f"a task {new}, and there is more to do"
    return None


def _too_many_failed(counts: TaskCounts) -> bool:
    return counts.failed * 100 // counts.total >= FAILED_TASKS_FAIL_JOB_PERCENT


def move_job(old: JobStatus, counts: TaskCounts, new: JobStatus, reason: str) -> list[Effect]:
    """All that happens when a job in `old` is sent to `new`; nothing when it is there already."""
    if old is new:
        return []
    return _cascade(old, counts, new, reason)


def enforce_again(status: JobStatus, counts: TaskCounts) -> list[Effect]:
    """What a job that was found in a transitional `status` at start-up still has to go through."""
    effects: list[Effect] = list(_mass_move(status, status))
    for effect in effects:
        if isinstance(effect, MassMove):
            counts = counts.moved(effect.sources, effect.to)
    follow_up = _follow_up(status, counts)
    return effects + (_cascade(status, counts, *follow_up) if follow_up else [])


def _cascade(status: JobStatus, counts: TaskCounts, new: JobStatus, reason: str) -> list[Effect]:
    effects: list[Effect] = []
    step: tuple[JobStatus, str] | None = (new, reason)
    while step and step[0] is not status:
        old, (status, reason) = status, step
        effects.append(JobMove(old, status, reason, status in _REFRESHES_TASKS))
        for move in _mass_move(old, status):
            counts = counts.moved(move.sources, move.to)
            effects.append(move)
        step = _follow_up(status, counts)
    return effects


_REFRESHES_TASKS = frozenset(
    {
        JobStatus.CANCEL_REQUESTED,
        JobStatus.FAILED,
        JobStatus.PAUSE_REQUESTED,
        JobStatus.REQUEUEING,
        JobStatus.QUEUED,
    }
)


def _mass_move(old: JobStatus, new: JobStatus) -> list[MassMove]:
    if new in (JobStatus.CANCEL_REQUESTED, JobStatus.FAILED):
        activity = f'Manager canceled this task because the job got status "{new}".'
        return [MassMove(UNFINISHED_TASK, TaskStatus.CANCELED, activity)]
    if new is JobStatus.PAUSE_REQUESTED:
        activity = f'Manager paused this task because the job got status "{new}".'
        return [MassMove(RUNNABLE_TASK, TaskStatus.PAUSED, activity)]
    if new is JobStatus.REQUEUEING and old is not JobStatus.UNDER_CONSTRUCTION:
        activity = f'Queued because the job went from status "{old}" to "{new}".'
        sources = frozenset(TaskStatus) if old is JobStatus.COMPLETED else _REQUEUED_WITH_JOB
        return [MassMove(sources - {TaskStatus.QUEUED}, TaskStatus.QUEUED, activity)]
    return []


_REQUEUED_WITH_JOB = frozenset({TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.PAUSED, TaskStatus.SOFT_FAILED})


def _follow_up(status: JobStatus, counts: TaskCounts) -> tuple[JobStatus, str] | None:
    if status is JobStatus.CANCEL_REQUESTED:
        return JobStatus.CANCELED, "all tasks are done or canceled"
    if status is JobStatus.REQUEUEING:
        return JobStatus.QUEUED, "tasks were queued again"
    if status is JobStatus.PAUSE_REQUESTED and not counts.active:
        return JobStatus.PAUSED, "no task is active"
    if status is JobStatus.QUEUED and counts.completed == counts.total:
        return JobStatus.COMPLETED, "all tasks are completed"
    return None
