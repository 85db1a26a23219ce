"""Filters of our own additions as the farm takes them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from flamenco.domain import listing
from flamenco.domain.access import Caller
from flamenco.protocol.x import filters


def job_filter(asked: filters.JobFilter, of: Caller | None = None) -> listing.JobFilter:
    """Which jobs are asked for; with `of`, of theirs alone."""
    return listing.JobFilter(
        statuses=tuple(asked.status),
        types=tuple(asked.type),
        users=tuple(asked.user),
        projects=tuple(asked.project),
        tags=tuple(each.lower() for each in asked.tag),
        worker=_id(asked.worker),
        text=asked.q,
        of=of,
    )


def task_filter(asked: filters.TaskFilter) -> listing.TaskFilter:
    """Which tasks of a job are asked for."""
    return listing.TaskFilter(
        statuses=tuple(asked.status), types=tuple(asked.type), worker=_id(asked.worker), text=asked.q
    )


def worker_filter(asked: filters.WorkerFilter) -> listing.WorkerFilter:
    """Which workers are asked for."""
    return listing.WorkerFilter(
        statuses=tuple(each.stored for each in asked.status),
        tags=tuple(each.lower() for each in asked.tag),
        text=asked.q,
        approved=None if asked.approved is UNSET else asked.approved,
    )


def _id(given: str | UnsetType) -> str:
    return "" if given is UNSET else given.lower()
