"""How long lists are asked for in parts: filter, order, page. Without any of it, a list is complete."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

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
