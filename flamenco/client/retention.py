"""What becomes of jobs that ended long ago."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from msgspec import Struct

from flamenco.client.connection import Connection
from flamenco.domain.statuses import JobStatus


class RetentionRule(Struct, frozen=True, kw_only=True):
    """A rule; `after` as in the configuration."""

    status: str
    after: str
    do: str
    project: str = ""


class DueJob(Struct, frozen=True, kw_only=True):
    """A job with which something is to be done."""

    id: str
    name: str
    status: JobStatus
    updated: datetime
    do: str
    user: str = ""
    project: str = ""


class RetentionLook(Struct, frozen=True, kw_only=True):
    """What rules would do: with how many jobs, and the first thousand of them."""

    rules: tuple[RetentionRule, ...]
    total: int
    jobs: tuple[DueJob, ...]


class RetentionCalls:
    """What the rules would do; nothing is done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def look(self, rules: Sequence[str] = (), days: int = 0) -> RetentionLook:
        """What those rules, such as `completed:720h:archive`, or the configured ones, would do in so many days."""
        query = urlencode({"rule": list(rules), "days": days}, doseq=True)
        return self._connection.fetch(f"/api/x/retention?{query}", RetentionLook)
