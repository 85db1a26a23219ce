"""Workers page by page, with what they run and what is asked of them."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import bindparam, literal, select, text
from sqlalchemy import func as sql

from flamenco.domain.listing import ListedWorker, RunningTask, WorkerFilter
from flamenco.domain.model import Tag
from flamenco.domain.paging import Slice
from flamenco.domain.sleep import SleepSchedule, schedule_from
from flamenco.domain.statuses import WorkerStatus
from flamenco.store import filters, pages
from flamenco.store.engine import Tx
from flamenco.store.pages import Found, Order, Pages, text_order
from flamenco.store.schema import ACTIVE_SQL, Utc, jobs, sleep_schedules, tags, tasks, worker_tags, workers
from flamenco.store.workers import ROWS

_NEVER = literal(datetime(1970, 1, 1, tzinfo=UTC), Utc)

ORDERS: Final = {
    "name": text_order(workers.c.name),
    "status": text_order(workers.c.status, is_short=True),
    "last_seen": Order(sql.coalesce(workers.c.last_seen, _NEVER), datetime),
    "version": text_order(workers.c.software),
    "platform": text_order(workers.c.platform),
    "address": text_order(workers.c.address),
    "created": Order(workers.c.created, datetime),
}
_PAGES = Pages(workers.c.key, ORDERS)

_KEYS: Any = bindparam("keys", expanding=True)
_WORKERS = select(*ROWS.columns, workers.c.created).where(workers.c.key.in_(_KEYS))
_TAGS = (
    select(worker_tags.c.worker_key, tags.c.key, tags.c.uuid, tags.c.name)
    .join(tags, tags.c.key == worker_tags.c.tag_key)
    .where(worker_tags.c.worker_key.in_(_KEYS))
    .order_by(tags.c.name, tags.c.key)
)
_TASKS = (
    select(
        tasks.c.worker_key,
        tasks.c.uuid,
        tasks.c.name,
        jobs.c.uuid,
        jobs.c.name,
        tasks.c.steps_completed,
        tasks.c.steps_total,
    )
    .join(jobs, jobs.c.key == tasks.c.job_key)
    .where(text(ACTIVE_SQL), tasks.c.worker_key.in_(_KEYS))
    .order_by(tasks.c.key)
)
_SCHEDULES = select(
    sleep_schedules.c.worker_key,
    sleep_schedules.c.is_active,
    sleep_schedules.c.days,
    sleep_schedules.c.start_time,
    sleep_schedules.c.end_time,
).where(sleep_schedules.c.worker_key.in_(_KEYS))


def page(tx: Tx, asked: WorkerFilter, wanted: Slice) -> Found:
    """Which workers are on the page that is wanted. Raises `Refused`."""
    return _PAGES.find(tx, filters.of_workers(asked), wanted)


def shown(tx: Tx, keys: list[int]) -> list[ListedWorker]:
    """What is shown of the workers with these numbers, in that order."""
    if not keys:
        return []
    asked = {"keys": keys}
    tagged = defaultdict[int, list[Tag]](list)
    for worker_key, *tag in tx.execute(_TAGS, asked):
        tagged[worker_key].append(Tag(key=tag[0], id=tag[1], name=tag[2]))
    running = {worker_key: RunningTask(*task) for worker_key, *task in tx.execute(_TASKS, asked)}
    schedules = {row.worker_key: _schedule(row) for row in tx.execute(_SCHEDULES, asked)}
    rows = pages.in_order(keys, tx.execute(_WORKERS, asked).all(), ROWS.columns.index(workers.c.key))
    return [
        ListedWorker(
            worker=ROWS.read(row),
            created=row[-1],
            tags=tuple(tagged[key]),
            task=running.get(key),
            schedule=schedules.get(key),
        )
        for row in rows
        for key in [row.key]
    ]


def _schedule(row: Any) -> SleepSchedule:
    return schedule_from(is_active=row.is_active, days=row.days, start=row.start_time, end=row.end_time)


def counts(tx: Tx, asked: WorkerFilter) -> dict[WorkerStatus, int]:
    """How many workers are in each status of those that a filter leaves in, whatever their status."""
    counted = select(workers.c.status, sql.count()).where(*filters.of_workers(asked, whatever_status=True))
    found = {WorkerStatus(status): int(count) for status, count in tx.execute(counted.group_by(workers.c.status))}
    return {status: found.get(status, 0) for status in WorkerStatus if status is not WorkerStatus.RESTART}
