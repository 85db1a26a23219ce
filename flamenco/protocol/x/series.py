"""What the farm has done, by steps of time, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field


class SeriesQuery(Struct, frozen=True, kw_only=True):
    """Which time, in which steps."""

    step: Annotated[Literal["5m", "1d"], Meta(description="Five minutes are kept for a week, days for two years.")] = (
        "5m"
    )
    since: Annotated[datetime, Meta(description="A day ago, or 90 days, when not given.", tz=True)] | UnsetType = field(
        default=UNSET, name="from"
    )
    until: Annotated[datetime, Meta(description="Now, when not given.", tz=True)] | UnsetType = field(
        default=UNSET, name="to"
    )
    by: Annotated[Literal["job_type", "user", "project"], Meta(description="Tell groups apart too.")] | UnsetType = (
        UNSET
    )


class Point(Struct, frozen=True, kw_only=True):
    """A step. `workers`, those that were awake, is absent where nobody has looked."""

    at: Annotated[datetime, Meta(description="When it began; days are those of UTC.")]
    busy_workers: Annotated[float, Meta(description="How many had a task, on average.")]
    workers: Annotated[float | UnsetType, Meta(description="How many were awake, on average.")] = UNSET
    completed: Annotated[int, Meta(description="Tasks that were completed.")]
    failed: Annotated[int, Meta(description="Attempts at tasks that failed, or of which nothing was heard any more.")]
    seconds: Annotated[float, Meta(description="What workers have spent with tasks.")]


class Group(Struct, frozen=True, kw_only=True):
    """A job type, user or project; its lists are as long as the points."""

    name: Annotated[str, Meta(description="`(others)` for those that are not told apart; empty where nobody said it.")]
    seconds: float
    completed: int
    failed: int
    busy_workers: list[float]


class Series(Struct, frozen=True, kw_only=True):
    """What the farm has done; the last point is up to now."""

    step_s: int
    since: datetime = field(name="from")
    until: datetime = field(name="to")
    points: list[Point]
    groups: Annotated[list[Group] | UnsetType, Meta(description="Most time first; 20, and the others.")] = UNSET
