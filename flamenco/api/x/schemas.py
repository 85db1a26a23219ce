"""What goes over the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.api.fields import Metadata, Settings, Text, Uuid
from flamenco.domain.statuses import JobStatus, WorkerStatus
from flamenco.hooks.command_docs import CommandDocs


class TasksByStatus(Struct, frozen=True, kw_only=True, rename="kebab"):
    """How many tasks of a job are in each status."""

    active: int
    canceled: int
    completed: int
    failed: int
    paused: int
    queued: int
    soft_failed: int


class JobSummary(Struct, frozen=True, kw_only=True):
    """A job, and how far it is."""

    id: Uuid
    name: str
    type: str
    status: JobStatus
    priority: int
    activity: str
    steps_completed: int
    steps_total: int
    tasks: TasksByStatus


class ActiveTask(Struct, frozen=True, kw_only=True):
    """The task a worker is running."""

    id: Uuid
    name: str
    job_id: Uuid


class WorkerSummary(Struct, frozen=True, kw_only=True):
    """A worker, and what it is doing. The status is empty for one that never signed on.

    `warning` is what people should know about it, such as that two programs speak as this worker.
    """

    id: Uuid
    name: str
    status: WorkerStatus
    last_seen: datetime | UnsetType = UNSET
    task: ActiveTask | UnsetType = UNSET
    warning: str | UnsetType = UNSET


class JobTypeProblem(Struct, frozen=True, kw_only=True):
    """A script that gives no job type. Line and column count from 1, and are absent where they are not known."""

    job_type: str
    file: str
    message: str
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET


class JobTypeProblems(Struct, frozen=True, kw_only=True):
    """All scripts that are broken or hidden by another of the same folder, by job type."""

    problems: list[JobTypeProblem]


class Overview(Struct, frozen=True, kw_only=True):
    """The newest jobs, newest first, and all workers."""

    jobs: list[JobSummary]
    workers: list[WorkerSummary]


Key = Annotated[int, Meta(ge=1, le=2**63 - 1, extra_json_schema={"format": "int64"})]
"""The number of a row."""


Cursor = Annotated[int, Meta(ge=0, le=2**63 - 1, extra_json_schema={"format": "int64"})]
"""The number of an event, or 0, which is before all of them."""

Topic = Annotated[Text, Meta(min_length=1, max_length=255)]


class EventsQuery(Struct, frozen=True, kw_only=True):
    """Which events are wanted."""

    after: Annotated[
        Cursor | UnsetType,
        Meta(description="The events after this one: `next` of the answer before. Without it, those from now on."),
    ] = UNSET
    topics: Annotated[
        list[Topic],
        Meta(
            max_length=100,
            description="Patterns: `/jobs` is that topic, `/jobs/*` all below it, `*` everything, as nothing is.",
        ),
    ] = []
    wait: Annotated[
        float, Meta(ge=0, le=60, description="While there is no such event, wait for one, up to so many seconds.")
    ] = 0.0
    limit: Annotated[int, Meta(ge=1, le=1000, description="No more events than that at once.")] = 100


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened. `payload` is what is published on that topic."""

    id: Key
    created: datetime
    topic: str
    payload: dict[str, Any]


class Events(Struct, frozen=True, kw_only=True):
    """Events in their order, and `next`, to be asked for those after them.

    With `missed`, look at everything anew: events after `after` are gone, which are kept for seven days, or there was
    no event of that number yet. With `more`, ask again at once: there is more to look at, even if there were no events
    here. With `retry_after`, ask again in so many seconds: too many wait already.
    """

    events: list[Event]
    next: Cursor
    missed: bool
    more: bool
    retry_after: int | UnsetType = UNSET


class SinkState(Struct, frozen=True, kw_only=True):
    """How an event sink is doing: events still to be delivered, events given up, and failures of the next one.

    `waiting` is not counted beyond 10,000; `error` and `retry_at` are there while something is in the way.
    """

    name: str
    waiting: int
    dead: int
    failures: int
    error: str | UnsetType = UNSET
    retry_at: datetime | UnsetType = UNSET


class Sinks(Struct, frozen=True, kw_only=True):
    """All event sinks, by name; those that were removed as well, as long as they have dead letters."""

    sinks: list[SinkState]


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a sink could not deliver. With `retry`, it is going to be tried once more."""

    key: Key
    sink: str
    event_id: Key
    topic: str
    created: datetime
    died: datetime
    attempts: int
    error: str
    retry: bool
    payload: dict[str, Any]


class DeadLetters(Struct, frozen=True, kw_only=True):
    """Events that were given up: by sink, then in the order that happened; the newest 100 of each sink."""

    dead_letters: list[DeadLetter]


class DeadLetterChoice(Struct, frozen=True, kw_only=True):
    """Dead letters of one sink: those with these keys, or all where there are no `keys`."""

    sink: Text
    keys: Annotated[list[Key], Meta(min_length=1, max_length=1000)] | UnsetType = UNSET


class DeadLettersChosen(Struct, frozen=True, kw_only=True):
    """How many dead letters it was."""

    count: int


class Commands(Struct, frozen=True, kw_only=True):
    """All commands that the manager knows, by name."""

    commands: list[CommandDocs]


CommandName = Annotated[Text, Meta(min_length=1, max_length=255)]


class WorkerCommands(Struct, frozen=True, kw_only=True):
    """The commands that a worker has, in any order."""

    commands: Annotated[list[CommandName], Meta(max_length=10_000)]


class KnownCommands(Struct, frozen=True, kw_only=True):
    """The commands that the manager knows, by name."""

    commands: list[str]


class SubmittedJob(Struct, frozen=True, kw_only=True):
    """A job to be done."""

    name: Text
    type: Annotated[Text, Meta(description="Name of the job type.")]
    priority: Annotated[int, Meta(ge=0, le=100, description="Jobs with a higher priority are worked on first.")] = 50
    settings: Settings = field(default_factory=dict)
    metadata: Metadata = field(default_factory=dict)
    worker_tag: Annotated[Text, Meta(description="UUID of the tag that its workers must have; empty for none.")] = ""
    initial_status: Literal["queued", "paused"] = "queued"


class StoredJob(Struct, frozen=True, kw_only=True):
    """A job as it was stored."""

    id: Uuid
    name: str
    type: str
    priority: int
    settings: Settings
    metadata: Metadata
    status: JobStatus
    created: datetime
    updated: datetime
    worker_tag: Annotated[str, Meta(description="UUID of the tag that its workers must have; empty for none.")]
