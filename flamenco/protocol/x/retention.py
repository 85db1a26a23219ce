"""What becomes of jobs that ended long ago, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.statuses import JobStatus
from flamenco.protocol.fields import Name, Uuid

_MOST_RULES = 100


class RetentionQuery(Struct, frozen=True, kw_only=True):
    """By which rules, and when."""

    rule: Annotated[
        list[Name],
        Meta(
            max_length=_MOST_RULES,
            description="Rules to try in place of those of the configuration, as STATUS:AFTER:DO or "
            "STATUS:AFTER:DO:PROJECT.",
        ),
    ] = []
    days: Annotated[int, Meta(ge=0, le=36_500, description="In so many days, if nothing changes until then.")] = 0


class Rule(Struct, frozen=True, kw_only=True):
    """A rule; `after` as in the configuration."""

    status: str
    after: str
    do: str
    project: str | UnsetType = UNSET


class DueJob(Struct, frozen=True, kw_only=True):
    """A job with which something is to be done."""

    id: Uuid
    name: str
    user: str | UnsetType = UNSET
    project: str | UnsetType = UNSET
    status: JobStatus
    updated: datetime
    do: str


class Retention(Struct, frozen=True, kw_only=True):
    """What would be done: how many jobs there are, and the first thousand."""

    rules: list[Rule]
    total: int
    jobs: list[DueJob]
