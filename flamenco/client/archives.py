"""Archives of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from flamenco.client.connection import Connection
from flamenco.domain.statuses import JobStatus

_PATIENCE_S: Final = 600.0
"""A job of a million tasks takes minutes."""


class JobArchive(Struct, frozen=True, kw_only=True):
    """An archive: the name and size of its file, and what job is in it."""

    file: str
    size: int
    id: str
    name: str
    type: str
    status: JobStatus
    user: str = ""
    project: str = ""
    created: datetime
    archived: datetime
    tasks: int


class UnpackedJob(Struct, frozen=True):
    """A job that is back from an archive."""

    id: str
    name: str
    status: JobStatus


class _Archives(Struct, frozen=True):
    archives: tuple[JobArchive, ...]


class ArchiveCalls:
    """Archives that a manager has. Raises `ManagerError` with status 404 for one that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[JobArchive, ...]:
        """All of them, the newest first."""
        return self._connection.fetch("/api/x/archives", _Archives).archives

    def unpack(self, file: str) -> UnpackedJob:
        """Have the job of one back."""
        body = {"file": file}
        answer = self._connection.call("POST", "/api/x/archives/unpack", body, timeout_s=_PATIENCE_S)
        return self._connection.decoded(answer, UnpackedJob)
