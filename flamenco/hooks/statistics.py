"""The farm in numbers, as plugins are given them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus


class LimitUse(Struct, frozen=True):
    """A limit of the farm, and how many running tasks fall under it."""

    name: str
    capacity: int
    in_use: int


class SinkState(Struct, frozen=True, kw_only=True):
    """How an event sink is doing. `waiting` events are still to be delivered, `dead` ones were given up."""

    name: str
    waiting: int
    dead: int
    failures: int
    error: str = ""
    retry_at: datetime | None = None


class RequestTimes(Struct, frozen=True, kw_only=True):
    """How long one operation took in one manager process: how many requests were answered within each bound.

    `counts` has one more entry than `REQUEST_BOUNDS_S`, for the slower ones; entries are not cumulative.
    """

    process: str
    operation: str
    counts: tuple[int, ...]
    total_s: float


REQUEST_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes in `RequestTimes.counts`, in seconds."""


class FarmStatistics(Struct, frozen=True, kw_only=True):
    """The farm in numbers, at one moment.

    `runnable` are tasks that could be given to a worker now, by task type. `queue_age_s` is the age of the oldest
    open job that has any, in seconds, 0 when there is none.
    """

    jobs: Mapping[JobStatus, int]
    tasks: Mapping[TaskStatus, int]
    workers: Mapping[WorkerStatus, int]
    runnable: Mapping[str, int]
    queue_age_s: float
    sinks: Sequence[SinkState]
    requests: Sequence[RequestTimes]
