"""Jobs page by page, as people look through them, and how many there are in each status."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import Raw
from msgspec.structs import replace
from sqlalchemy import Float, Text, bindparam, case, cast, select, type_coerce
from sqlalchemy import func as sql

from flamenco.domain.listing import JobFilter, JobGroup, ListedJob
from flamenco.domain.paging import Slice
from flamenco.domain.statuses import JobStatus
from flamenco.store import filters, pages
from flamenco.store.engine import Tx
from flamenco.store.jobs import STATE
from flamenco.store.pages import Found, Order, Pages, number_order, text_order
from flamenco.store.schema import jobs, tags

PROGRESS: Final = case(
    (jobs.c.status == JobStatus.COMPLETED, 1.0),
    (jobs.c.steps_total > 0, cast(jobs.c.steps_completed, Float) / jobs.c.steps_total),
    else_=0.0,
)
"""How much of a job is done, from 0 to 1."""

ORDERS: Final = {
    "created": Order(jobs.c.created, datetime),
    "updated": Order(jobs.c.updated, datetime),
    "name": text_order(jobs.c.name),
    "priority": number_order(jobs.c.priority),
    "status": text_order(jobs.c.status, is_short=True),
    "type": text_order(jobs.c.type, is_short=True),
    "user": text_order(jobs.c.owner, is_short=True),
    "project": text_order(jobs.c.project, is_short=True),
    "batch": text_order(jobs.c.batch, is_short=True),
    "progress": Order(PROGRESS, float),
}
_PAGES = Pages(jobs.c.key, ORDERS)

_STORED: list[Any] = [type_coerce(column, Text) for column in (jobs.c.settings, jobs.c.metadata)]
_SHOWN = (
    select(*STATE.columns, jobs.c.owner, jobs.c.project, jobs.c.batch, tags.c.name, jobs.c.start_after_reason)
    .outerjoin(tags, tags.c.key == jobs.c.tag_key)
    .where(jobs.c.key.in_(bindparam("keys", expanding=True)))
)


def page(tx: Tx, asked: JobFilter, wanted: Slice) -> Found:
    """Which jobs are on the page that is wanted. Raises `Refused`."""
    return _PAGES.find(tx, filters.of_jobs(asked), wanted)


def shown(tx: Tx, keys: list[int], *, whole: bool = False) -> list[ListedJob]:
    """What is shown of the jobs with these numbers, in that order; `whole` with settings and metadata."""
    statement = _SHOWN.add_columns(*_STORED) if whole else _SHOWN
    rows = tx.execute(statement, {"keys": keys}).all() if keys else []
    return [_listed(row) for row in pages.in_order(keys, rows)]


def _listed(row: Any) -> ListedJob:
    user, project, batch, tag_name, why, *stored = row[len(STATE.columns) :]
    listed = ListedJob(
        job=STATE.read(row),
        user=user,
        project=project,
        batch=batch,
        tag_name=tag_name or "",
        start_after_reason=why,
    )
    return replace(listed, settings=Raw(stored[0]), metadata=Raw(stored[1])) if stored else listed


GROUPED_BY: Final = {"project": jobs.c.project, "user": jobs.c.owner, "type": jobs.c.type, "batch": jobs.c.batch}
"""What jobs may have in common, and the column that says what."""


def groups(tx: Tx, asked: JobFilter, by: str) -> list[JobGroup]:
    """The jobs that a filter leaves in, together where they have the same, which is a key of `GROUPED_BY`.

    In the order of their last change.
    """
    column = GROUPED_BY[by]
    sums = (sql.count(), sql.sum(jobs.c.steps_completed), sql.sum(jobs.c.steps_total), sql.max(jobs.c.updated))
    statement = select(column, jobs.c.status, *sums).where(*filters.of_jobs(asked)).group_by(column, jobs.c.status)
    found: dict[str, JobGroup] = {}
    for name, status, number, completed, total, updated in tx.execute(statement):
        known = found.get(name) or JobGroup(name=name, jobs={}, steps_completed=0, steps_total=0, updated=updated)
        found[name] = JobGroup(
            name=name,
            jobs={**known.jobs, JobStatus(status): int(number)},
            steps_completed=known.steps_completed + int(completed),
            steps_total=known.steps_total + int(total),
            updated=max(known.updated, updated),
        )
    return sorted(found.values(), key=lambda group: group.updated, reverse=True)


def counts(tx: Tx, asked: JobFilter) -> dict[JobStatus, int]:
    """How many jobs are in each status of those that a filter leaves in, whatever their status."""
    counted = select(jobs.c.status, sql.count()).where(*filters.of_jobs(asked, whatever_status=True))
    found = {JobStatus(status): int(count) for status, count in tx.execute(counted.group_by(jobs.c.status))}
    return {status: found.get(status, 0) for status in JobStatus}
