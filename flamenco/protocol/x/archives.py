"""Archives of jobs on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.statuses import JobStatus
from flamenco.protocol.fields import Name, Uuid


class Archive(Struct, frozen=True, kw_only=True):
    """An archive, by what it says of itself."""

    file: Annotated[str, Meta(description="Its name in the manager's folder of archives.")]
    size: Annotated[int, Meta(description="In bytes.")]
    id: Uuid
    name: str
    type: str
    status: JobStatus
    user: str | UnsetType = UNSET
    project: str | UnsetType = UNSET
    created: datetime
    archived: datetime
    tasks: int


class Archives(Struct, frozen=True):
    """The archives that are there, the newest first."""

    archives: list[Archive]


class ArchivePath(Struct, frozen=True):
    """An archive in a path, by the name of its file."""

    file: Name


class ArchiveToUnpack(Struct, frozen=True):
    """Which archive: the name of a file in the manager's folder of archives."""

    file: Name


class UnpackedJob(Struct, frozen=True):
    """The job that is back."""

    id: Uuid
    name: str
    status: JobStatus
