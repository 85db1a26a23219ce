"""What there is of a name: jobs, workers, tags, users, projects and batches, some of each to choose the best of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, exists, select

from flamenco.domain.access import Caller
from flamenco.domain.listing import JobFilter, WorkerFilter
from flamenco.store import filters
from flamenco.store.containing import contains
from flamenco.store.engine import Tx
from flamenco.store.schema import jobs, tags, workers

MOST: Final = 200
"""So many of each are chosen from: of jobs, the newest."""


def job_names(tx: Tx, text: str, of: Caller | None) -> Sequence[Any]:
    """Jobs: their UUIDs, names, statuses, users and projects, the newest first; with `of`, only theirs."""
    columns = (jobs.c[name] for name in ("uuid", "name", "status", "owner", "project"))
    found = select(*columns).where(*filters.of_jobs(JobFilter(text=text, of=of)))
    return tx.execute(found.order_by(jobs.c.key.desc()).limit(MOST)).all()


def worker_names(tx: Tx, text: str) -> Sequence[Any]:
    """Workers: their UUIDs, names and statuses."""
    found = select(workers.c.uuid, workers.c.name, workers.c.status).where(*filters.of_workers(WorkerFilter(text=text)))
    return tx.execute(found.order_by(workers.c.name, workers.c.key).limit(MOST)).all()


def tag_names(tx: Tx, text: str) -> Sequence[Any]:
    """Tags: their UUIDs and names."""
    found = select(tags.c.uuid, tags.c.name).where(contains(tags.c.name, text))
    return tx.execute(found.order_by(tags.c.name).limit(MOST)).all()


def user_names(tx: Tx, text: str) -> Sequence[str]:
    """Users that there are jobs of."""
    return _distinct(tx, jobs.c.owner, text)


def project_names(tx: Tx, text: str) -> Sequence[str]:
    """Projects that there are jobs for."""
    return _distinct(tx, jobs.c.project, text)


def batch_names(tx: Tx, text: str) -> Sequence[str]:
    """Batches that there are jobs of."""
    return _distinct(tx, jobs.c.batch, text)


def _distinct(tx: Tx, column: Column[str], text: str) -> Sequence[str]:
    """The different values, along their index; of jobs, no more are looked at than it takes to find one there."""
    values = select(column.label("value")).where(contains(column, text), column != "").distinct().subquery()
    of_it = jobs.alias()
    is_there = exists().where(of_it.c[column.name] == values.c.value, of_it.c.delete_requested.is_(None))
    return tx.execute(select(values.c.value).where(is_there).order_by(values.c.value).limit(MOST)).scalars().all()
