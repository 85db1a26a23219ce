"""The state machine: what follows for a job and its tasks when one of them changes status. Pure.

A change is answered with the list of effects in the order in which they happen. There is no table of
forbidden transitions: any status may follow any other, what differs is what follows from it. Why people sent a job
where it is goes along until it has come to rest.
"""

from __future__ import annotations

from msgspec import Struct

from flamenco.domain.model import TaskCounts
from flamenco.domain.moves import MassMove
from flamenco.domain.statuses import (
    PAUSING_JOB,
    RUNNABLE_TASK,
    SCHEDULABLE_JOB,
    UNFINISHED_TASK,
    JobStatus,
    TaskStatus,
)

FAILED_TASKS_FAIL_JOB_PERCENT = 10
"""A job fails once this many percent of its tasks failed, truncated to whole percents; unless it is told otherwise."""


class JobMove(Struct, frozen=True):
    """The job goes from `old` to `new`. `refresh_tasks`: many tasks may have changed with it."""

    old: JobStatus
    new: JobStatus
    reason: str
    refresh_tasks: bool


Effect = JobMove | MassMove


def after_task(  # noqa: PLR0911 - one row of the table each
    job: JobStatus,
    counts: TaskCounts,
    new: TaskStatus,
    old: TaskStatus | None = None,
    fail_percent: int = FAILED_TASKS_FAIL_JOB_PERCENT,
) -> tuple[JobStatus, str] | None:
    """Where the job goes, and why, after one of its tasks went from `old` to `new`. `counts` include that already.

    It fails once `fail_percent` of its tasks did.
    """
    if new is TaskStatus.QUEUED:
        if job is not JobStatus.COMPLETED:
            return None
        # The one that failed, and that the job could do without, is tried again alone.
        again = JobStatus.QUEUED if old is TaskStatus.FAILED else JobStatus.REQUEUEING
        return again, "task was queued"
    if new is TaskStatus.ACTIVE:
        if job in (JobStatus.ACTIVE, JobStatus.CANCEL_REQUESTED):
            return None
        return JobStatus.ACTIVE, f"task became {new}"
    if new is TaskStatus.CANCELED and not counts.of(*UNFINISHED_TASK):
        return JobStatus.CANCELED, "all tasks are done or canceled"
    if new is TaskStatus.FAILED and too_many_failed(counts, fail_percent=fail_percent):
        return JobStatus.FAILED, "too many tasks failed"
    if new in (TaskStatus.COMPLETED, TaskStatus.FAILED) and counts.is_done:
        return JobStatus.COMPLETED, "all tasks completed"
    if job is JobStatus.PAUSE_REQUESTED and not counts.active:
        return JobStatus.PAUSED, "last active task ended"
    if job is JobStatus.QUEUED and new in (TaskStatus.SOFT_FAILED, TaskStatus.FAILED, TaskStatus.COMPLETED):
        return JobStatus.ACTIVE, f"a task {new}, and there is more to do"
    return None


def too_many_failed(counts: TaskCounts, more: int = 0, fail_percent: int = FAILED_TASKS_FAIL_JOB_PERCENT) -> bool:
    """Whether so many tasks failed that the job does, or would with `more` of them."""
    missed = counts.missed + more
    return missed > 0 and missed * 100 // counts.total >= fail_percent


def may_be_over(job: JobStatus, counts: TaskCounts) -> bool:
    """Whether it is worth looking if anything of the job can still be run: nothing is, and something is missing."""
    missing = counts.of(TaskStatus.FAILED, TaskStatus.CANCELED)
    return job in SCHEDULABLE_JOB and missing > 0 and not counts.of(TaskStatus.ACTIVE, TaskStatus.PAUSED)


def over(counts: TaskCounts) -> JobStatus:
    """Where a job ends of which nothing is run, and nothing can be: all has ended, or waits for what is missing."""
    if counts.is_done:
        return JobStatus.COMPLETED
    # Where nothing failed that is needed, and nothing was canceled, tasks wait for one that the job could do without.
    return JobStatus.CANCEL_REQUESTED if counts.canceled and not counts.missed else JobStatus.FAILED


def taken_up(status: JobStatus, reason: str, paused: int = 0) -> list[Effect]:
    """A person has queued a task of a job that has ended: it goes on, after a failure with all that this took down.

    So does one that somebody called under construction, of which nobody would ask again. Of its tasks, `paused` were
    paused then: they are canceled with a job that was, and go on with any other, since nobody would resume that.
    """
    if status not in (JobStatus.FAILED, JobStatus.CANCELED, JobStatus.UNDER_CONSTRUCTION):
        return []
    effects: list[Effect] = [JobMove(status, JobStatus.QUEUED, reason, refresh_tasks=True)]
    left = frozenset({TaskStatus.PAUSED} if paused else ())
    if status is JobStatus.CANCELED:
        stop = MassMove(left, TaskStatus.CANCELED, "Canceled, as its job was while this was paused.")
        return [*effects, stop] if left else effects
    taken_down = frozenset({TaskStatus.CANCELED} if status is JobStatus.FAILED else ())
    go = MassMove(left | taken_down, TaskStatus.QUEUED, "Queued because the job is taken up again.")
    return [*effects, go] if go.sources else effects


def reopened(status: JobStatus, reason: str) -> list[Effect]:
    """Something of a completed job is to be run again, or in addition: it goes on with that alone."""
    return [JobMove(status, JobStatus.QUEUED, reason, refresh_tasks=True)] if status is JobStatus.COMPLETED else []


def requeued(status: JobStatus, tasks: TaskStatus, reason: str, paused: int = 0) -> list[Effect]:
    """A person has queued all tasks of a job that are in one status: it goes on as with a single one."""
    effects = taken_up(status, reason, paused) or reopened(status, reason)
    moves = [each for each in effects if isinstance(each, MassMove)]
    sources = frozenset({tasks}).union(*(each.sources for each in moves if each.to is TaskStatus.QUEUED))
    return [
        *(each for each in effects if isinstance(each, JobMove)),
        MassMove(sources, TaskStatus.QUEUED, reason),
        # Afterwards, so that none of these is queued with those that were canceled before.
        *(each for each in moves if each.to is TaskStatus.CANCELED),
    ]


def move_job(old: JobStatus, counts: TaskCounts, new: JobStatus, reason: str) -> list[Effect]:
    """All that happens when a job in `old` is sent to `new`; nothing when it is there already."""
    if old is new:
        return []
    return _cascade(old, counts, new, reason)


def enforce_again(status: JobStatus, counts: TaskCounts, reason: str = "") -> list[Effect]:
    """What a job that was found in a transitional `status` at start-up, for this `reason`, still has to go through."""
    effects: list[Effect] = list(_mass_move(status, status, counts))
    for effect in effects:
        if isinstance(effect, MassMove):
            counts = counts.moved(effect.sources, effect.to)
    return effects + go_on(status, counts, reason)


def go_on(status: JobStatus, counts: TaskCounts, reason: str) -> list[Effect]:
    """What follows for a job in `status`, which it was sent to for this `reason`, once all its tasks were moved."""
    follow_up = _follow_up(status, counts, reason)
    return _cascade(status, counts, *follow_up) if follow_up else []


def _cascade(status: JobStatus, counts: TaskCounts, new: JobStatus, reason: str) -> list[Effect]:
    effects: list[Effect] = []
    step: tuple[JobStatus, str] | None = (new, reason)
    while step and step[0] is not status:
        old, (status, reason) = status, step
        effects.append(JobMove(old, status, reason, status in _REFRESHES_TASKS))
        for move in _mass_move(old, status, counts):
            counts = counts.moved(move.sources, move.to)
            effects.append(move)
        step = _follow_up(status, counts, reason)
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


def _mass_move(old: JobStatus, new: JobStatus, counts: TaskCounts) -> list[MassMove]:
    if new in (JobStatus.CANCEL_REQUESTED, JobStatus.FAILED):
        activity = f'Manager canceled this task because the job got status "{new}".'
        return [MassMove(UNFINISHED_TASK, TaskStatus.CANCELED, activity)]
    if new is JobStatus.PAUSE_REQUESTED:
        activity = f'Manager paused this task because the job got status "{new}".'
        return [MassMove(RUNNABLE_TASK, TaskStatus.PAUSED, activity)]
    # One that was sent elsewhere while it was paused has paused tasks as well, which nobody could resume any more.
    was_left = old not in SCHEDULABLE_JOB and old is not JobStatus.REQUEUEING and counts.paused
    if new in SCHEDULABLE_JOB and (old in PAUSING_JOB or was_left):
        return [MassMove(frozenset({TaskStatus.PAUSED}), TaskStatus.QUEUED, "Queued because the job goes on.")]
    if new is JobStatus.REQUEUEING and old is not JobStatus.UNDER_CONSTRUCTION:
        activity = f'Queued because the job went from status "{old}" to "{new}".'
        sources = frozenset(TaskStatus) if old is JobStatus.COMPLETED else _REQUEUED_WITH_JOB
        return [MassMove(sources - {TaskStatus.QUEUED}, TaskStatus.QUEUED, activity)]
    return []


_REQUEUED_WITH_JOB = frozenset({TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.PAUSED, TaskStatus.SOFT_FAILED})


def _follow_up(status: JobStatus, counts: TaskCounts, reason: str) -> tuple[JobStatus, str] | None:
    if status is JobStatus.CANCEL_REQUESTED:
        return JobStatus.CANCELED, reason
    if status is JobStatus.REQUEUEING:
        return JobStatus.QUEUED, reason
    if status is JobStatus.PAUSE_REQUESTED and not counts.active:
        return JobStatus.PAUSED, reason
    if status in SCHEDULABLE_JOB and counts.is_done:
        return JobStatus.COMPLETED, "all tasks are completed"
    return None


_ACTIVITY = 'Changed to status "{}": {}'


def activity_of(move: JobMove) -> str:
    """What people read of a job after `move`."""
    return _ACTIVITY.format(move.new, move.reason)


def reason_in(activity: str, status: JobStatus) -> str:
    """Why a job was sent to `status`, where `activity` still says so."""
    beginning = _ACTIVITY.format(status, "")
    return activity.removeprefix(beginning) if activity.startswith(beginning) else ""
