"""Finding things of all kinds by a part of their names, on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.statuses import JobStatus
from flamenco.protocol.fields import Name, Uuid
from flamenco.protocol.x.filters import ShownWorkerStatus
from flamenco.protocol.x.lists import Named


class SearchQuery(Struct, frozen=True, kw_only=True):
    """What is looked for."""

    q: Annotated[Name, Meta(description="Part of a name, however it is written; or how a UUID begins.")]
    limit: Annotated[int, Meta(ge=1, le=20, description="At most so many of each kind.")] = 5


class FoundJob(Struct, frozen=True, kw_only=True):
    """A job that was found, by its name, its user, its project, its type, its batch or its UUID."""

    id: Uuid
    name: str
    status: JobStatus
    user: str | UnsetType = UNSET
    project: str | UnsetType = UNSET


class FoundWorker(Struct, frozen=True, kw_only=True):
    """A worker that was found, by its name, its address or its UUID."""

    id: Uuid
    name: str
    status: ShownWorkerStatus


class Findings(Struct, frozen=True, kw_only=True):
    """The best few of each kind; users, projects and batches are those of jobs."""

    jobs: list[FoundJob]
    workers: list[FoundWorker]
    tags: list[Named]
    users: list[str]
    projects: list[str]
    batches: list[str]
