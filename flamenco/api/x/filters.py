"""Filters of our own additions as the farm takes them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from flamenco.api.errors import BadRequest
from flamenco.api.middleware.parameters import is_uuid
from flamenco.domain import listing
from flamenco.domain.access import Caller
from flamenco.protocol.x import filters


def job_filter(asked: filters.JobFilter, of: Caller | None = None) -> listing.JobFilter:
    """Which jobs are asked for; with `of`, of theirs alone. Raises `BadRequest` for what is no UUID."""
    return listing.JobFilter(
        statuses=tuple(asked.status),
        types=tuple(asked.type),
        users=tuple(asked.user),
        projects=tuple(asked.project),
        batches=tuple(asked.batch),
        tags=tuple(_uuid("tag", each) for each in asked.tag),
        worker=_worker(asked.worker),
        text=asked.q,
        stuck=asked.stuck,
        waiting_for_approval=asked.waiting_for_approval,
        of=of,
    )


def task_filter(asked: filters.TaskFilter) -> listing.TaskFilter:
    """Which tasks of a job are asked for. Raises as `job_filter`."""
    return listing.TaskFilter(
        statuses=tuple(asked.status), types=tuple(asked.type), worker=_worker(asked.worker), text=asked.q
    )


def worker_filter(asked: filters.WorkerFilter) -> listing.WorkerFilter:
    """Which workers are asked for. Raises as `job_filter`."""
    return listing.WorkerFilter(
        statuses=tuple(each.stored for each in asked.status),
        tags=tuple(_uuid("tag", each) for each in asked.tag),
        text=asked.q,
        approved=None if asked.approved is UNSET else asked.approved,
        put_away=asked.put_away,
    )


def _worker(given: str | UnsetType) -> str:
    return "" if given is UNSET else _uuid("worker", given)


def _uuid(field: str, given: str) -> str:
    if not is_uuid(given):
        raise BadRequest(f"{field}: {given!r} is not a UUID")
    return given.lower()
