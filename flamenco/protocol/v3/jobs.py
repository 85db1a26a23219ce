"""Jobs on the wire of today's Flamenco. Field names and words are its own; what is unset is left out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.listing import JobOrder
from flamenco.domain.statuses import JobStatus
from flamenco.protocol.fields import Int32, Limit, Metadata, Offset, Settings, Text, Uuid


class JobStorageInfo(Struct, frozen=True):
    """Where the files of a job are."""

    shaman_checkout_id: Annotated[Text | UnsetType, Meta(description="As checking out gave it.")] = UNSET


class SubmittedJob(Struct, frozen=True, kw_only=True):
    """A job to be done."""

    name: Text
    type: Annotated[Text, Meta(description="Name of the job type.")]
    submitter_platform: Annotated[Text, Meta(description="linux, windows, darwin, … or manager, for its own.")]
    priority: Annotated[Int32, Meta(description="Jobs with a higher priority are worked on first.")] = 50
    type_etag: Annotated[Text | UnsetType, Meta(description="Refuse the job if its type has another one.")] = UNSET
    settings: Settings | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    storage: JobStorageInfo | UnsetType = UNSET
    worker_tag: Annotated[Text | UnsetType, Meta(description="UUID of the tag that its workers must have.")] = UNSET
    initial_status: Annotated[
        JobStatus | UnsetType,
        Meta(description="queued, which active and requeueing stand for too, or paused, as pause-requested."),
    ] = UNSET


class Job(Struct, frozen=True, kw_only=True):
    """A job, and where it stands."""

    name: str
    type: str
    submitter_platform: Annotated[str, Meta(description="Not kept, so always empty.")]
    priority: int
    settings: Settings
    metadata: Metadata
    id: Uuid
    created: datetime
    updated: datetime
    status: JobStatus
    activity: str
    steps_completed: int
    steps_total: int
    type_etag: Annotated[str | UnsetType, Meta(description="Not kept, so never there.")] = UNSET
    initial_status: Annotated[JobStatus | UnsetType, Meta(description="Not kept, so never there.")] = UNSET
    storage: JobStorageInfo | UnsetType = UNSET
    worker_tag: str | UnsetType = UNSET
    delete_requested_at: datetime | UnsetType = UNSET


class JobsQueryResult(Struct, frozen=True):
    """Jobs."""

    jobs: list[Job]


class JobsQuery(Struct, frozen=True, kw_only=True):
    """Which jobs, and in which order; all of them, as they came in, when nothing is said."""

    offset: Offset = 0
    limit: Limit = UNSET
    order_by: Annotated[list[JobOrder], Meta(description="What to sort by; a minus turns the order round.")] = []
    status_in: Annotated[list[JobStatus], Meta(description="Only jobs with one of these statuses.")] = []
    type_in: Annotated[list[Text], Meta(description="Only jobs of these job types.")] = []


class JobDeletionInfo(Struct, frozen=True):
    """What goes with a job when it is deleted."""

    shaman_checkout: Annotated[bool, Meta(description="Whether its files in the Shaman storage go too.")]


class JobMassDeletionSelection(Struct, frozen=True):
    """Which jobs to delete."""

    last_updated_max: Annotated[datetime, Meta(tz=True, description="All that have not changed since.")] | UnsetType = (
        UNSET
    )


class JobStatusChange(Struct, frozen=True):
    """What a job is to become, and why."""

    status: JobStatus
    reason: Text


class JobPriorityChange(Struct, frozen=True):
    """The priority a job is to have."""

    priority: Annotated[int, Meta(ge=0, le=100)]


class JobTagChange(Struct, frozen=True):
    """The tag a job is to have, by its id, else by its name; none when neither is given."""

    id: Text | UnsetType = UNSET
    name: Text | UnsetType = UNSET


class JobBlocklistEntry(Struct, frozen=True):
    """A worker that gets no more tasks of a type in a job."""

    worker_id: Text
    task_type: Text
    worker_name: Text | UnsetType = UNSET
