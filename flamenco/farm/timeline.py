"""Who ran what, when: attempts at the tasks of a job, those that are over and those that are not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.access import Caller
from flamenco.domain.attempts import Attempt, GivenTask, Outcome, Place, seconds_between, under_way
from flamenco.farm.context import Farm
from flamenco.store import attempts, given_tasks, jobs, listing, tasks, workers

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Span(Struct, frozen=True, kw_only=True):
    """What is looked at: what was going on from `since` on, and began before `until`; None for no end."""

    since: datetime | None = None
    until: datetime | None = None


class Page(Struct, frozen=True):
    """Some of a job's attempts, by when they ended; those that are under way are the last. `after` is for the next."""

    attempts: list[Attempt]
    after: Place | None


def of_task(farm: Farm, task_id: str) -> list[Attempt]:
    """The attempts at a task, in their order; `log_begins` is where in the log that there is. Raises `NotFound`."""
    with farm.store.read() as tx:
        task = tasks.fetch(tx, task_id)
        found = attempts.of_task(tx, task.key)
        if task.is_active:
            found.append(under_way(task, listing.task_worker(tx, task.worker_key), farm.clock()))
    offset = farm.logs.offset
    return [replace(each, log_begins=offset(task.job_id, task.id, each.log_begins)) for each in found]


def of_worker(farm: Farm, worker_id: str, limit: int, of: Caller | None = None) -> list[GivenTask]:
    """The tasks that a worker was given last, at most so many, the newest first; with `of`, theirs among them.

    Raises `NotFound`.
    """
    now = farm.clock()
    with farm.store.read() as tx:
        found = given_tasks.last_of(tx, workers.fetch(tx, worker_id).key, limit)
    return [
        replace(each, seconds=seconds_between(each.given, now)) if each.outcome is Outcome.ACTIVE else each
        for each in found
        if of is None or of.owns(each.owner)
    ]


def of_job(farm: Farm, job_id: str, span: Span, after: Place | None, limit: int) -> Page:
    """A page of the attempts at a job's tasks. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.read() as tx:
        job = jobs.fetch(tx, job_id)
        found: list[tuple[Place, Attempt]] = []
        if after is None or after.ended:
            begin = after or Place(span.since or _FIRST, 0)
            found = attempts.of_job(tx, job.key, begin, span.until, limit)
        if len(found) < limit:
            last = after.key if after and not after.ended else 0
            with_whom = attempts.workers_of_job(tx, job.key)
            for task in sorted(attempts.active_of_job(tx, job.key), key=lambda each: each.key):
                attempt = under_way(task, with_whom.get(task.key), now)
                if task.key > last and (span.until is None or attempt.started < span.until):
                    found.append((Place(None, task.key), attempt))
    page = found[:limit]
    return Page([attempt for _, attempt in page], page[-1][0] if len(found) >= limit else None)
