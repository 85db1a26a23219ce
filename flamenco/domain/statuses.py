"""Statuses of jobs, tasks and workers, and the named sets that rules and queries are built from."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands. Only `active` and `queued` jobs are given to workers."""

    ACTIVE = "active"
    CANCEL_REQUESTED = "cancel-requested"
    CANCELED = "canceled"
    COMPLETED = "completed"
    FAILED = "failed"
    PAUSE_REQUESTED = "pause-requested"
    PAUSED = "paused"
    QUEUED = "queued"
    REQUEUEING = "requeueing"
    UNDER_CONSTRUCTION = "under-construction"


class TaskStatus(StrEnum):
    """Where a task stands. `queued` and `soft-failed` tasks may be given to workers."""

    ACTIVE = "active"
    CANCELED = "canceled"
    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"
    QUEUED = "queued"
    SOFT_FAILED = "soft-failed"

    def __init__(self, value: str) -> None:
        self.column = value.replace("-", "_")
        """The status as an identifier: `soft-failed` is counted in `soft_failed`."""


class WorkerStatus(StrEnum):
    """What a worker does. `REGISTERED` is a worker that never signed on; `restart` is only ever requested."""

    REGISTERED = ""
    STARTING = "starting"
    AWAKE = "awake"
    ASLEEP = "asleep"
    ERROR = "error"
    TESTING = "testing"
    OFFLINE = "offline"
    RESTART = "restart"


SCHEDULABLE_JOB = frozenset({JobStatus.ACTIVE, JobStatus.QUEUED})
"""Jobs whose tasks may be given to workers."""

PAUSING_JOB = frozenset({JobStatus.PAUSE_REQUESTED, JobStatus.PAUSED})
"""Jobs whose tasks wait until somebody lets them go on."""

TRANSITIONAL_JOB = frozenset({JobStatus.CANCEL_REQUESTED, JobStatus.PAUSE_REQUESTED, JobStatus.REQUEUEING})
"""Jobs that are on their way to another status; found at start-up, they are sent on their way again."""

FINISHED_JOB = frozenset({JobStatus.CANCELED, JobStatus.COMPLETED, JobStatus.FAILED})
"""Jobs of which nothing is run any more, unless somebody requeues them."""

RUNNABLE_TASK = frozenset({TaskStatus.QUEUED, TaskStatus.SOFT_FAILED})
"""Tasks that may be given to workers, once nothing they depend on is missing."""

FINISHED_TASK = frozenset({TaskStatus.CANCELED, TaskStatus.COMPLETED, TaskStatus.FAILED})
"""Tasks that are not run any more, unless somebody requeues them."""

UNFINISHED_TASK = frozenset({TaskStatus.ACTIVE, TaskStatus.QUEUED, TaskStatus.SOFT_FAILED})
"""Tasks that a cancelled or failed job takes down with it."""
