"""How long lists are asked for in parts: filter, order, page; complete without any of it. And what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Raw, Struct

from flamenco.domain.access import Caller
from flamenco.domain.statuses import JobStatus, TaskStatus

# fmt: off
JobOrder = Literal[
    "created", "-created", "updated", "-updated", "name", "-name", "priority", "-priority",
    "status", "-status", "type", "-type",
]
TaskOrder = Literal[
    "index_in_job", "-index_in_job", "updated", "-updated", "name", "-name", "priority", "-priority",
    "status", "-status", "task_type", "-task_type",
]
# fmt: on


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list: `limit` entries (None: all) after the first `offset`."""

    offset: int = 0
    limit: int | None = None


class JobQuery(Struct, frozen=True, kw_only=True):
    """Which jobs, in which order; empty filters leave everything in. A minus before a name turns its order round.

    With `of`, only what is theirs.
    """

    page: Page = Page()
    order_by: tuple[JobOrder, ...] = ()
    statuses: tuple[JobStatus, ...] = ()
    types: tuple[str, ...] = ()
    of: Caller | None = None


class TaskQuery(Struct, frozen=True, kw_only=True):
    """Which tasks of a job, in which order."""

    page: Page = Page()
    order_by: tuple[TaskOrder, ...] = ()
    statuses: tuple[TaskStatus, ...] = ()


class JobSummary(Struct, frozen=True):
    """What lists show of a job. Settings and metadata are JSON as it is stored: nobody looks inside on their way."""

    settings: Raw
    metadata: Raw
    id: str
    name: str
    type: str
    priority: int
    status: str
    activity: str
    created: datetime
    updated: datetime
    worker_tag: str
    shaman_checkout_id: str
    steps_completed: int
    steps_total: int
