"""What follows from failures."""

from __future__ import annotations

from urllib.parse import urlencode

from msgspec import Struct

from flamenco.client.connection import Connection


class ListedRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What follows when a task fails and a line of its log fits, and who says so."""

    by: str
    then: str
    name: str = ""
    job_type: str = ""
    match: str = ""
    exit_code: int | None = None
    task_types: tuple[str, ...] = ()
    workers: int = 1
    say: str = ""


class _Rules(Struct, frozen=True):
    rules: tuple[ListedRule, ...]


class FailureCalls:
    """The rules for tasks that fail."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rules(self, job_type: str = "") -> tuple[ListedRule, ...]:
        """All of them in the order in which they are asked; of job types, those of this one alone, if it is given."""
        query = f"?{urlencode({'job_type': job_type})}" if job_type else ""
        return self._connection.fetch(f"/api/x/failure-rules{query}", _Rules).rules
