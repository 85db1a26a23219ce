"""Attempts at tasks: a worker is given one, and some time later that is over, whichever way. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from flamenco.domain.access import Owner
from flamenco.domain.errors import Refused
from flamenco.domain.model import TaskState, TaskWorker
from flamenco.domain.moments import in_utc
from flamenco.domain.statuses import TaskStatus


class Outcome(StrEnum):
    """How an attempt ended. `active` has not; `lost` is one of which nothing was heard any more."""

    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REQUEUED = "requeued"
    LOST = "lost"


OUTCOMES: Final = {
    TaskStatus.COMPLETED: Outcome.COMPLETED,
    TaskStatus.FAILED: Outcome.FAILED,
    TaskStatus.SOFT_FAILED: Outcome.FAILED,
    TaskStatus.CANCELED: Outcome.CANCELED,
    TaskStatus.QUEUED: Outcome.REQUEUED,
    TaskStatus.PAUSED: Outcome.REQUEUED,
}
"""By where the task goes from there."""

KEPT: Final = 100
"""So many attempts at a task are kept at least, the last ones; others go when there are twice as many."""

LONGEST_REASON: Final = 500
"""Of a longer one the beginning is kept, in characters."""


class Ended(Struct, frozen=True, kw_only=True):
    """An attempt that is over: who had which task for how many seconds, and what came of it.

    `log_begins`: how many bytes the task had ever logged before, what was left out of its log since included.
    """

    job_key: int
    task_key: int
    number: int
    worker_key: int | None
    started: datetime
    ended: datetime
    seconds: float
    outcome: Outcome
    reason: str
    steps: int
    log_begins: int


class Attempt(Struct, frozen=True, kw_only=True):
    """An attempt at a task as people see it, over (`ended`) or not; `worker_id` is empty where nobody had the task."""

    task_id: str
    task_index: int
    task_name: str
    number: int
    worker_id: str
    worker_name: str
    started: datetime
    ended: datetime | None
    seconds: float
    outcome: Outcome
    reason: str
    steps: int
    log_begins: int


class GivenTask(Struct, frozen=True, kw_only=True):
    """A task that a worker was given at a moment, and nobody else since; what came of that.

    `owner` is whose the job is. `outcome` is None, and so `seconds`, where that was before attempts were kept.
    """

    task_id: str
    task_index: int
    task_name: str
    job_id: str
    job_name: str
    owner: Owner
    given: datetime
    seconds: float | None
    outcome: Outcome | None
    reason: str


def seconds_between(started: datetime, ended: datetime) -> float:
    """How long that is; nothing where a clock was set back meanwhile."""
    return max(0.0, (ended - started).total_seconds())


def reason_of(outcome: Outcome, activity: str) -> str:
    """Why an attempt ended so, by what was said of the task then; nothing for one that went well."""
    if outcome is Outcome.COMPLETED:
        return ""
    return activity if len(activity) <= LONGEST_REASON else f"{activity[: LONGEST_REASON - 1]}…"


def over(task: TaskState, changed: TaskState, now: datetime, *, is_lost: bool = False) -> Ended:
    """The attempt that is over as a task becomes `changed`.

    A task that was given up, and then completed all the same, had its worker go on with it ever since.
    """
    started = (task.activated if task.status is TaskStatus.ACTIVE else task.updated) or now
    outcome = Outcome.LOST if is_lost else OUTCOMES[changed.status]
    return Ended(
        job_key=task.job_key,
        task_key=task.key,
        number=changed.attempts,
        worker_key=task.worker_key,
        started=started,
        ended=max(started, now),
        seconds=seconds_between(started, now),
        outcome=outcome,
        reason=reason_of(outcome, changed.activity),
        steps=changed.steps_completed if outcome is Outcome.COMPLETED else task.steps_completed,
        log_begins=task.log_begins,
    )


class Place(Struct, frozen=True):
    """Where a page of a job's attempts ended: at one that was over then, or, without `ended`, at one that was not."""

    ended: datetime | None
    key: int

    def __str__(self) -> str:
        return f"{self.ended.isoformat() if self.ended else ''}~{self.key}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """What that text says. Raises `Refused`."""
        moment, _, key = text.rpartition("~")
        try:
            place = cls(datetime.fromisoformat(moment) if moment else None, int(key))
        except ValueError:
            place = cls(None, -1)
        # Those at jobs that are back from an archive have numbers below zero.
        least = -(2**63) if place.ended else 0
        if not least <= place.key < 2**63 or (place.ended and place.ended.tzinfo is None):
            raise Refused("after: is to be what an earlier answer has as `next`; leave it out for the first page.")
        return cls(in_utc(place.ended), place.key) if place.ended else place


def under_way(task: TaskState, worker: TaskWorker | None, now: datetime) -> Attempt:
    """The attempt at a task that is being run."""
    started = task.activated or now
    return Attempt(
        task_id=task.id,
        task_index=task.index,
        task_name=task.name,
        number=task.attempts,
        worker_id=worker.id if worker else "",
        worker_name=worker.name if worker else "",
        started=started,
        ended=None,
        seconds=seconds_between(started, now),
        outcome=Outcome.ACTIVE,
        reason="",
        steps=task.steps_completed,
        log_begins=task.log_begins,
    )
