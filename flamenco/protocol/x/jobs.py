"""Jobs and what is wrong with job types, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.statuses import JobStatus
from flamenco.protocol import v1
from flamenco.protocol.fields import Metadata, Settings, Text, Uuid


class SubmittedJob(v1.SubmittedJob, frozen=True, kw_only=True):
    """A job to be done."""

    priority: Annotated[int, Meta(ge=0, le=100, description="Jobs with a higher priority are worked on first.")] = 50
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
