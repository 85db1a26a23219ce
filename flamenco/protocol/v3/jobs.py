"""Jobs and their types on the wire of today's Flamenco. Words are its own; what is unset is left out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from flamenco.domain.listing import JobOrder
from flamenco.domain.statuses import JobStatus
from flamenco.protocol.fields import (
    MOST_LISTED,
    MOST_NAME,
    ORDER,
    AvailableJobSettingSubtype,
    AvailableJobSettingType,
    Int32,
    Limit,
    Metadata,
    Name,
    Offset,
    Settings,
    Text,
    Uuid,
)


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
    order_by: Annotated[list[JobOrder], Meta(max_length=MOST_LISTED, description=ORDER)] = []
    status_in: Annotated[
        list[JobStatus], Meta(max_length=MOST_LISTED, description="Only jobs with one of these statuses.")
    ] = []
    type_in: Annotated[list[Name], Meta(max_length=MOST_LISTED, description="Only jobs of these job types.")] = []


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


JobBlocklistEntries = Annotated[list[JobBlocklistEntry], Meta(max_length=10_000)]
"""As many as a farm has workers, each with some types of tasks."""


class AvailableJobSettingVisibility(StrEnum):
    """Who is shown a setting: everybody, nobody, who submits a job, or who looks at one."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    SUBMISSION = "submission"
    WEB = "web"


class AvailableJobSettingEvalInfo(Struct, frozen=True, rename="camel"):
    """How a client shows that a setting can be evaluated."""

    show_link_button: Annotated[bool, Meta(description="Whether to offer evaluating it at every submission.")] = False
    description: Annotated[str, Meta(description="What evaluating it is good for.")] = ""


class AvailableJobSetting(Struct, frozen=True, kw_only=True):
    """One setting of a job type."""

    key: str
    type: AvailableJobSettingType
    subtype: AvailableJobSettingSubtype | UnsetType = UNSET
    choices: Annotated[list[str] | UnsetType, Meta(description="The only values a text setting may have.")] = UNSET
    propargs: Annotated[dict[str, Any] | UnsetType, Meta(description="Limits for the client's input field.")] = UNSET
    description: Any = UNSET
    label: Any = UNSET
    default: Any = UNSET
    eval: Annotated[str | UnsetType, Meta(description="Python expression of the value, for Blender.")] = UNSET
    eval_info: AvailableJobSettingEvalInfo | UnsetType = field(default=UNSET, name="evalInfo")
    visible: AvailableJobSettingVisibility | UnsetType = UNSET
    required: Annotated[bool | UnsetType, Meta(description="Whether a job needs it to be set.")] = UNSET
    # Blender's add-on takes what is not there for true, and greys out what is false.
    editable: Annotated[bool | UnsetType, Meta(description="Whether people may change it.")] = UNSET


class AvailableJobType(Struct, frozen=True, kw_only=True):
    """A job type and its settings."""

    name: str
    label: str
    settings: list[AvailableJobSetting]
    etag: Annotated[str, Meta(description="Changes whenever the job type does.")]
    description: str | UnsetType = UNSET


class AvailableJobTypes(Struct, frozen=True):
    """All job types, by name."""

    job_types: list[AvailableJobType]


class JobTypePath(Struct, frozen=True):
    """Which job type."""

    type_name: Annotated[str, Meta(extra_json_schema={"maxLength": MOST_NAME})] = field(name="typeName")
