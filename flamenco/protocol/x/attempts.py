"""Attempts at tasks, and times of jobs, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.domain.attempts import Outcome
from flamenco.protocol.fields import After, Uuid

_PAGE = Meta(ge=1, le=500, description="At most so many.")


class AttemptsQuery(Struct, frozen=True, kw_only=True):
    """Which attempts at a job's tasks."""

    since: Annotated[datetime, Meta(description="Those that were not over before.", tz=True)] | UnsetType = field(
        default=UNSET, name="from"
    )
    until: Annotated[datetime, Meta(description="Those that began before.", tz=True)] | UnsetType = field(
        default=UNSET, name="to"
    )
    after: After = UNSET
    limit: Annotated[int, _PAGE] = 100


class AttemptWorker(Struct, frozen=True, kw_only=True):
    """Who was given the task."""

    id: Uuid
    name: str


class AttemptTask(Struct, frozen=True, kw_only=True):
    """The task that was given; `index` counts from 1."""

    id: Uuid
    index: int
    name: str


class Attempt(Struct, frozen=True, kw_only=True):
    """A worker was given a task: when, and what came of it. `ended` is absent while it is at it."""

    number: Annotated[int, Meta(description="Of those at the task, from 1.")]
    worker: AttemptWorker | UnsetType = UNSET
    started: datetime
    ended: datetime | UnsetType = UNSET
    seconds: Annotated[float, Meta(description="How long it took, or takes already.")]
    outcome: Outcome
    reason: Annotated[str, Meta(description="Why it ended so; empty where all went well.")]
    steps: Annotated[int, Meta(description="How far it got.")]


class TaskAttempt(Attempt, frozen=True, kw_only=True):
    """An attempt at the task."""

    log_offset: Annotated[int, Meta(description="Where in the task's log its part begins, in bytes.")]


class JobAttempt(Attempt, frozen=True, kw_only=True):
    """An attempt at a task of the job."""

    task: AttemptTask


class TaskAttempts(Struct, frozen=True, kw_only=True):
    """All attempts at a task, in their order; of very many, the last."""

    attempts: list[TaskAttempt]


class JobAttempts(Struct, frozen=True, kw_only=True):
    """Some of the attempts at a job's tasks, by when they ended, with those last that are under way."""

    attempts: list[JobAttempt]
    next: Annotated[str | UnsetType, Meta(description="What to ask for next as `after`; absent at the end.")] = UNSET


class GivenQuery(Struct, frozen=True, kw_only=True):
    """How many tasks of a worker."""

    limit: Annotated[int, Meta(ge=1, le=100, description="At most so many.")] = 20


class GivenJob(Struct, frozen=True, kw_only=True):
    """The job of a task."""

    id: Uuid
    name: str


class GivenTask(Struct, frozen=True, kw_only=True):
    """A task that the worker was given, and nobody else since. What is not known, as of long ago, is absent."""

    task: AttemptTask
    job: GivenJob
    given: Annotated[datetime, Meta(description="When it was given it.")]
    seconds: Annotated[float, Meta(description="How long it was at it, or is already.")] | UnsetType = UNSET
    outcome: Outcome | UnsetType = UNSET
    reason: Annotated[str, Meta(description="Why it ended so; empty where all went well.")]


class GivenTasks(Struct, frozen=True, kw_only=True):
    """The tasks that a worker was given last, the newest first."""

    tasks: list[GivenTask]


class WorkerTime(Struct, frozen=True, kw_only=True):
    """What a worker has spent with the job. `worker` is absent where nobody had the tasks."""

    worker: AttemptWorker | UnsetType = UNSET
    seconds: float
    tasks: Annotated[int, Meta(description="How many it was at.")]


class Eta(Struct, frozen=True, kw_only=True):
    """When the job will be done, if those who are at it stay."""

    earliest: datetime
    latest: datetime
    ground: Annotated[str, Meta(description="What that stands on, for people.")]


class JobTimes(Struct, frozen=True, kw_only=True):
    """How long the job takes. What cannot be known is absent."""

    elapsed_s: Annotated[float, Meta(description="From its first task to its last, or to now.")] | UnsetType = UNSET
    worker_s: Annotated[float, Meta(description="What all workers together have spent with it.")]
    median_s: Annotated[float, Meta(description="What half of its last done tasks took at most.")] | UnsetType = UNSET
    workers: Annotated[int, Meta(description="So many are at it now.")]
    eta: Eta | UnsetType = UNSET
    by_worker: Annotated[list[WorkerTime], Meta(description="The 500 who spent most.")]
