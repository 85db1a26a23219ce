"""What becomes of what is being run of a job that somebody deletes, so that it is as it was when they want it back."""

from __future__ import annotations

from datetime import datetime, timedelta

from flamenco.domain.statuses import FINISHED_JOB, PAUSING_JOB, JobStatus, TaskStatus


def put_down(status: JobStatus) -> TaskStatus:
    """Where a task goes that a worker is let go from, by the status of its job.

    As when that worker signs off: no worker has it in hand any more when the job comes back.
    """
    if status in PAUSING_JOB:
        return TaskStatus.PAUSED
    return TaskStatus.CANCELED if status in FINISHED_JOB else TaskStatus.QUEUED


def goes_at(deleted: datetime, keep_s: float) -> datetime:
    """When a job in the trash is purged; the end of time where that is further away than a calendar reaches."""
    try:
        return deleted + timedelta(seconds=keep_s)
    except OverflowError:
        return datetime.max.replace(tzinfo=deleted.tzinfo)


def deleted_until(now: datetime, keep_s: float) -> datetime:
    """What was deleted at that moment or before is to be purged now."""
    try:
        return now - timedelta(seconds=keep_s)
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)
