"""What a farm has done, by steps of time, as its manager tells it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field


class SeriesPoint(Struct, frozen=True, kw_only=True):
    """A step of time: workers that were busy and awake on average, and what came of tasks."""

    at: datetime
    busy_workers: float
    completed: int
    failed: int
    seconds: float
    workers: float | None = None


class SeriesGroup(Struct, frozen=True, kw_only=True):
    """A job type, user or project; how many workers were busy with it, for each point."""

    name: str
    seconds: float
    completed: int
    failed: int
    busy_workers: tuple[float, ...]


class Series(Struct, frozen=True, kw_only=True):
    """Steps of so many seconds, and groups where those were asked for."""

    step_s: int
    since: datetime = field(name="from")
    until: datetime = field(name="to")
    points: tuple[SeriesPoint, ...]
    groups: tuple[SeriesGroup, ...] = ()
