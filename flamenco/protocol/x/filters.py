"""Which jobs, tasks and workers: the same words in the queries of lists and in the bodies of actions on many."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.protocol.fields import MOST_LISTED, Name, Uuid

_One = Annotated[Uuid, Meta(max_length=36)]
_Names = Annotated[list[Name], Meta(max_length=MOST_LISTED)]
_Uuids = Annotated[list[_One], Meta(max_length=MOST_LISTED)]

Sought = Annotated[Name, Meta(description="Part of a name, however it is written; or how a UUID begins.")]


class ShownWorkerStatus(StrEnum):
    """What a worker does; `registered` is one that never signed on."""

    REGISTERED = "registered"
    STARTING = "starting"
    AWAKE = "awake"
    ASLEEP = "asleep"
    ERROR = "error"
    TESTING = "testing"
    OFFLINE = "offline"

    @property
    def stored(self) -> WorkerStatus:
        """The status as the farm has it."""
        return WorkerStatus("" if self is ShownWorkerStatus.REGISTERED else self.value)

    @classmethod
    def of(cls, status: WorkerStatus) -> ShownWorkerStatus:
        """The status as it is shown."""
        return cls(status.value or cls.REGISTERED)


class JobFilter(Struct, frozen=True, kw_only=True):
    """Which jobs; all of them, where nothing is said."""

    status: Annotated[list[JobStatus], Meta(max_length=MOST_LISTED, description="Only jobs with one of these.")] = []
    type: Annotated[_Names, Meta(description="Only jobs of these job types.")] = []
    user: Annotated[_Names, Meta(description="Only jobs of these users.")] = []
    project: Annotated[_Names, Meta(description="Only jobs for these projects.")] = []
    batch: Annotated[_Names, Meta(description="Only jobs of these batches.")] = []
    tag: Annotated[_Uuids, Meta(description="Only jobs for workers with one of these tags, by UUID.")] = []
    worker: Annotated[_One, Meta(description="Only jobs of which this worker runs a task now.")] | UnsetType = UNSET
    stuck: Annotated[bool, Meta(description="Only jobs with tasks that nobody can run.")] = False
    waiting_for_approval: Annotated[bool, Meta(description="Only jobs with a preview that somebody is to look at.")] = (
        False
    )
    q: Sought = ""


class TaskFilter(Struct, frozen=True, kw_only=True):
    """Which tasks of a job; all of them, where nothing is said."""

    status: Annotated[list[TaskStatus], Meta(max_length=MOST_LISTED, description="Only tasks with one of these.")] = []
    type: Annotated[_Names, Meta(description="Only tasks of these types.")] = []
    worker: Annotated[_One, Meta(description="Only tasks that this worker has, or had last.")] | UnsetType = UNSET
    q: Sought = ""


class WorkerFilter(Struct, frozen=True, kw_only=True):
    """Which workers; all of them, where nothing is said."""

    status: Annotated[
        list[ShownWorkerStatus], Meta(max_length=MOST_LISTED, description="Only workers that do this.")
    ] = []
    tag: Annotated[_Uuids, Meta(description="Only workers with one of these tags, by UUID.")] = []
    q: Sought = ""
    approved: Annotated[bool, Meta(description="Only those that were approved, or that wait for it.")] | UnsetType = (
        UNSET
    )
    put_away: Annotated[bool, Meta(description="Only those that are put away, which are left out otherwise.")] = False
