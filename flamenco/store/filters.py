"""What lists and actions leave in, as conditions: a filter of `domain.listing` becomes what stands after WHERE.

Those of jobs and workers leave out what somebody wants deleted or has deleted; those of tasks leave the job to others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, text

from flamenco.domain.access import Caller
from flamenco.domain.listing import NOBODY_CAN, JobFilter, TaskFilter, WorkerFilter
from flamenco.domain.previews import PreviewState
from flamenco.domain.searching import beginning_of_uuid, folded
from flamenco.store.containing import contains, has
from flamenco.store.schema import ACTIVE_SQL, OPEN_SQL, job_texts, jobs, tags, tasks, worker_tags, workers
from flamenco.store.trash import IN_TRASH

Condition = ColumnElement[bool]


def of_jobs(asked: JobFilter, *, whatever_status: bool = False) -> list[Condition]:
    """The conditions on `jobs`; `whatever_status` leaves those out that are about the status."""
    found: list[Any] = [*IN_TRASH] if asked.in_trash else [jobs.c.delete_requested.is_(None)]
    if not whatever_status:
        found += _among(jobs.c.status, asked.statuses)
    found += [
        *_among(jobs.c.type, asked.types),
        *_among(jobs.c.owner, asked.users),
        *_among(jobs.c.project, asked.projects),
        *_among(jobs.c.batch, asked.batches),
    ]
    if asked.tags:
        found.append(jobs.c.tag_key.in_(select(tags.c.key).where(tags.c.uuid.in_(sorted(asked.tags))).correlate(None)))
    if asked.worker:
        theirs = select(tasks.c.job_key).where(text(ACTIVE_SQL), tasks.c.worker_key == _worker_key(asked.worker))
        found.append(jobs.c.key.in_(theirs.correlate(None)))
    if folded(asked.text):
        named = select(job_texts.c.job_key).where(has(job_texts.c.text, folded(asked.text))).correlate(None)
        found.append(or_(jobs.c.key.in_(named), *_uuid_begins(jobs, asked.text)))
    if asked.stuck:
        found.append(and_(text(OPEN_SQL), jobs.c.activity.startswith(NOBODY_CAN, autoescape=True)))
    if asked.waiting_for_approval:
        found.append(and_(text(OPEN_SQL), jobs.c.preview == PreviewState.WAITING.value))
    if asked.of is not None:
        found.append(_theirs(asked.of))
    return found


def _theirs(caller: Caller) -> Condition:
    theirs = jobs.c.owner_address == (caller.address or None)
    if caller.name:
        theirs |= (jobs.c.owner == caller.name) & (jobs.c.owner_address == "")
    return theirs


def of_tasks(asked: TaskFilter, *, whatever_status: bool = False) -> list[Condition]:
    """The conditions on `tasks`, but for the job; `whatever_status` as above."""
    found = [] if whatever_status else _among(tasks.c.status, asked.statuses)
    found += _among(tasks.c.type, asked.types)
    if asked.worker:
        found.append(tasks.c.worker_key == _worker_key(asked.worker))
    if folded(asked.text):
        found.append(or_(contains(tasks.c.name, asked.text), *_uuid_begins(tasks, asked.text)))
    return found


def of_workers(asked: WorkerFilter, *, whatever_status: bool = False) -> list[Condition]:
    """The conditions on `workers`; `whatever_status` as above."""
    found: list[Condition] = [workers.c.deleted.is_(None)]
    if not whatever_status:
        found += _among(workers.c.status, asked.statuses)
    if asked.tags:
        tagged = select(worker_tags.c.worker_key).join(tags, tags.c.key == worker_tags.c.tag_key)
        found.append(workers.c.key.in_(tagged.where(tags.c.uuid.in_(sorted(asked.tags))).correlate(None)))
    if folded(asked.text):
        named = contains(workers.c.name, asked.text), contains(workers.c.address, asked.text)
        found.append(or_(*named, *_uuid_begins(workers, asked.text)))
    if asked.put_away is not None:
        found.append(workers.c.put_away.is_not(None) if asked.put_away else workers.c.put_away.is_(None))
    if asked.approved is not None:
        found.append(workers.c.approved.is_(asked.approved))
    return found


def _among(column: Any, values: Iterable[str]) -> list[Condition]:
    wanted = sorted(values)
    return [column.in_(wanted)] if wanted else []


def _worker_key(worker_id: str) -> Any:
    return select(workers.c.key).where(workers.c.uuid == worker_id).correlate(None).scalar_subquery()


def _uuid_begins(table: Any, typed: str) -> list[Condition]:
    beginning = beginning_of_uuid(typed)
    return [table.c.uuid.startswith(beginning, autoescape=True)] if beginning else []
