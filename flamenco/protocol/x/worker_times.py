"""What a worker has done by days, on the wire of our own additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from flamenco.domain.worker_days import MOST_DAYS, USUAL_DAYS


class WorkerTimesQuery(Struct, frozen=True, kw_only=True):
    """How many days."""

    days: Annotated[int, Meta(ge=1, le=MOST_DAYS, description="So many, of which today is the last.")] = USUAL_DAYS


class WorkerDay(Struct, frozen=True, kw_only=True):
    """A day of a worker."""

    at: Annotated[datetime, Meta(description="When it began; days are those of UTC.")]
    seconds: Annotated[float, Meta(description="For how long the worker was at tasks.")]
    completed: Annotated[int, Meta(description="Tasks that it completed.")]
    failed: Annotated[int, Meta(description="Those that it failed, or that nothing more was heard of.")]


class WorkerTimes(Struct, frozen=True, kw_only=True):
    """What a worker has done with jobs that are still here.

    What was taken away from it, and given to another worker, is not counted.
    """

    since: Annotated[
        datetime, Meta(description="What was before is not counted; later than asked after very many tasks.")
    ] = field(name="from")
    days: Annotated[list[WorkerDay], Meta(description="Every day, the oldest first; the last is up to now.")]
