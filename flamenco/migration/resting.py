"""In which statuses old jobs and tasks arrive: nothing of them runs while they are on their way. Pure."""

from __future__ import annotations

from typing import Final

from flamenco.domain.model import TaskCounts
from flamenco.domain.statuses import SCHEDULABLE_JOB, UNFINISHED_TASK, JobStatus, TaskStatus
from flamenco.migration.values import Unusable

_AGAIN: Final = frozenset(TaskStatus) - {TaskStatus.COMPLETED}
_MOVES: Final = {
    JobStatus.CANCEL_REQUESTED: (JobStatus.CANCELED, UNFINISHED_TASK, TaskStatus.CANCELED),
    JobStatus.PAUSE_REQUESTED: (JobStatus.PAUSED, UNFINISHED_TASK, TaskStatus.PAUSED),
    JobStatus.REQUEUEING: (JobStatus.QUEUED, _AGAIN, TaskStatus.QUEUED),
}
"""What becomes of jobs on their way to another status, and of which of their tasks."""


def job_status(text: str) -> JobStatus:
    """The status that an old job has. Raises `Unusable` for one that cannot come."""
    try:
        status = JobStatus(text)
    except ValueError:
        raise Unusable(f"its status {text!r} is none that is known here") from None
    if status is JobStatus.UNDER_CONSTRUCTION:
        raise Unusable("it was never stored as a whole")
    return status


def task_status(text: str, job: JobStatus) -> TaskStatus:
    """The status in which a task of a job in that status arrives. Raises `Unusable`."""
    try:
        status = TaskStatus(text)
    except ValueError:
        raise Unusable(f"one of its tasks has the status {text!r}, which is not known here") from None
    if job in _MOVES:
        _, moved, to = _MOVES[job]
        return to if status in moved else status
    return TaskStatus.QUEUED if status is TaskStatus.ACTIVE else status


def rests_as(job: JobStatus, counts: TaskCounts) -> JobStatus:
    """The status in which an old job arrives, with these tasks."""
    status = _MOVES[job][0] if job in _MOVES else job
    # Nothing would ever happen to it again.
    return JobStatus.COMPLETED if status in SCHEDULABLE_JOB and counts.is_done else status
