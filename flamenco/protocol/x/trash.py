"""The trash on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.protocol.fields import After
from flamenco.protocol.x.filters import JobFilter
from flamenco.protocol.x.lists import Counts, JobRow, Limit, Next, Total

# fmt: off
TrashSort = Literal[
    "deleted", "-deleted", "name", "-name", "type", "-type", "user", "-user", "project", "-project",
]
# fmt: on


class TrashQuery(JobFilter, frozen=True, kw_only=True):
    """Which jobs of the trash, in which order, and which page of them."""

    of: Annotated[Literal["me"], Meta(description="Only those of whoever asks.")] | UnsetType = UNSET
    sort: Annotated[TrashSort, Meta(description="What to sort by; a minus turns the order round.")] = "-deleted"
    limit: Limit = 100
    after: After = UNSET


class TrashedJob(JobRow, frozen=True, kw_only=True):
    """A job in the trash, with the statuses that it and its tasks have when it is taken out."""

    deleted: datetime
    goes: Annotated[datetime, Meta(description="When it is deleted for good.")]


class Trash(Struct, frozen=True, kw_only=True):
    """A page of the trash."""

    jobs: list[TrashedJob]
    next: Next = UNSET
    total: Total
    counts: Counts
