"""Jobs, with their counters and their queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import BigInteger, bindparam, insert, select, text, true, update
from sqlalchemy.exc import IntegrityError

from flamenco.domain.access import Owner
from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.model import AuthoredJob, AuthoredTask, Job, JobState, TaskCounts
from flamenco.domain.moves import PendingMove
from flamenco.domain.people_limits import MAX_WORKERS
from flamenco.domain.previews import PreviewState
from flamenco.domain.scheduling.values import JobCandidate, Placement
from flamenco.domain.searching import BATCH, LONGEST_NAME, PROJECT, searchable
from flamenco.domain.statuses import FINISHED_JOB, JobStatus, TaskStatus
from flamenco.store import job_rules, previews, task_rows, time_limits, turns
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready, Row
from flamenco.store.rows import Rows, member_of
from flamenco.store.scheduling import queues
from flamenco.store.schema import TRANSITIONAL_SQL, job_texts, job_variables, jobs, tags, tasks

COUNTS = [*(jobs.c[f"tasks_{status.column}"] for status in TaskStatus), jobs.c.tasks_failed_optional]
"""What `TaskCounts` are made of, in that order."""

_SAVED = (
    *("status", "activity", "priority", "updated", "steps_completed", "steps_total", "last_assigned"),
    *("completed_runs", "completed_seconds", "used_seconds", "counts", "moves"),
    *("has_time_limits", "fail_percent", "tries", "start_after"),
)


def _moves(stored: list[Any]) -> tuple[PendingMove, ...]:
    return msgspec.convert(stored, tuple[PendingMove, ...]) if stored else ()


_KEPT: Final[dict[str, Any]] = {
    "elsewhere": {"id": jobs.c.uuid, "worker_tag": tags.c.uuid},
    "groups": {"counts": (TaskCounts, COUNTS)},
    "made": {"status": member_of(JobStatus), "worker_tag": lambda tag_id: tag_id or "", "moves": _moves},
    "saved": _SAVED,
}
STATE = Rows(JobState, jobs, **_KEPT)
_WITH_OWNER = {"groups": {**_KEPT["groups"], "owner": (Owner, [jobs.c.owner, jobs.c.owner_address])}}
WHOLE = Rows(Job, jobs, **(_KEPT | _WITH_OWNER))
SELECT = select(*STATE.columns).outerjoin(tags, tags.c.key == jobs.c.tag_key)
SELECT_WHOLE = select(*WHOLE.columns).outerjoin(tags, tags.c.key == jobs.c.tag_key)
_BY_ID, _WHOLE_BY_ID = (Ready(each.where(jobs.c.uuid == bindparam("id"))) for each in (SELECT, SELECT_WHOLE))
_ROW, _WHOLE_ROW = (each.where(jobs.c.key == bindparam("job_key")) for each in (SELECT, SELECT_WHOLE))
_BY_KEY = Ready(_ROW)
# The tag is not locked with the job: an outer join's far side cannot be, and it does not change with the job.
_LOCK, _LOCK_WHOLE = (Ready(each.with_for_update(of=jobs)) for each in (_ROW, _WHOLE_ROW))
IN_TURN = _ROW.join(turns.turn(bindparam("job_key", type_=BigInteger)), true()).with_for_update(of=jobs)
"""Locks the job `job_key` of those who come by `lock_in_turn`, on a server."""
_LOCK_IN_TURN = Ready(IN_TURN)
_LOCK_BY_ID = Ready(SELECT.where(jobs.c.uuid == bindparam("id")).with_for_update(of=jobs))
_VARIABLES = select(job_variables.c.name, job_variables.c.value).where(job_variables.c.job_key == bindparam("job_key"))
_OWNER_OF_JOB = select(jobs.c.owner, jobs.c.owner_address).where(
    jobs.c.uuid == bindparam("id"), jobs.c.delete_requested.is_(None)
)
_OWNER_OF_TASK = (
    select(jobs.c.owner, jobs.c.owner_address)
    .join(tasks, tasks.c.job_key == jobs.c.key)
    .where(tasks.c.uuid == bindparam("id"), jobs.c.delete_requested.is_(None))
)
_FIND_BY = insert(job_texts)
_NOBODY: Final = Owner()


def fetch(tx: Tx, job_id: str, *, doomed: bool = False) -> JobState:
    """The job with UUID `job_id`. Raises `NotFound`.

    A job that somebody wants deleted is there for those alone who delete it, which is what `doomed` says.
    """
    row = _BY_ID.first(tx, id=job_id)
    if row is None or (row.delete_requested and not doomed):
        raise _no_such_job(job_id)
    return STATE.read(row)


def fetch_whole(tx: Tx, job_id: str) -> Job:
    """As `fetch`, with settings and metadata."""
    row = _WHOLE_BY_ID.first(tx, id=job_id)
    if row is None or row.delete_requested:
        raise _no_such_job(job_id)
    return WHOLE.read(row)


def fetch_by_key(tx: Tx, job_key: int) -> JobState:
    """The job with that row number. Raises `NotFound` when somebody has deleted it meanwhile."""
    return STATE.read(_there(_BY_KEY.first(tx, job_key=job_key)))


def lock(tx: Tx, job_key: int) -> JobState:
    """The job, kept from changing until the transaction ends. Whoever changes tasks locks their job first.

    Raises `NotFound` when somebody has deleted it meanwhile.
    """
    return STATE.read(_there(_LOCK.first(tx, job_key=job_key)))


def lock_in_turn(tx: Tx, job_key: int) -> JobState:
    """As `lock`, on a server, where of those who come by here each has its turn."""
    return STATE.read(_there(_LOCK_IN_TURN.first(tx, job_key=job_key)))


def locked(row: Row | None) -> JobState:
    """The job in a row that begins with that of `IN_TURN`. Raises `NotFound` for none."""
    return STATE.read(_there(row))


def lock_whole(tx: Tx, job_key: int) -> Job:
    """As `lock`, with settings and metadata."""
    return WHOLE.read(_there(_LOCK_WHOLE.first(tx, job_key=job_key)))


def lock_by_id(tx: Tx, job_id: str, *, doomed: bool = False) -> JobState:
    """As `lock`, by UUID, and as `fetch` for a `doomed` one. Raises `NotFound`."""
    row = _LOCK_BY_ID.first(tx, id=job_id)
    if row is None or (row.delete_requested and not doomed):
        raise _no_such_job(job_id)
    return STATE.read(row)


def _no_such_job(job_id: str) -> NotFound:
    return NotFound(f"There is no job {job_id}.")


def _there(row: Row | None) -> Row:
    if row is None:
        raise NotFound("The job was deleted meanwhile.")
    return row


def owner(tx: Tx, job_id: str) -> Owner | None:
    """Whose the job with that UUID is; None when there is none."""
    row = tx.execute(_OWNER_OF_JOB, {"id": job_id}).one_or_none()
    return Owner(*row) if row else None


def owner_of_task(tx: Tx, task_id: str) -> Owner | None:
    """Whose job the task with that UUID is of; None when there is none."""
    row = tx.execute(_OWNER_OF_TASK, {"id": task_id}).one_or_none()
    return Owner(*row) if row else None


def variables(tx: Tx, job_key: int) -> dict[str, str]:
    """The job's own variables: what stands for which text in its commands."""
    return {row.name: row.value for row in tx.execute(_VARIABLES, {"job_key": job_key})}


_IS_THERE = jobs.c.delete_requested.is_(None)
_KEYS_IN_TRANSITION = select(jobs.c.key).where(text(TRANSITIONAL_SQL), _IS_THERE).order_by(jobs.c.key)


def keys_in_transition(tx: Tx) -> list[int]:
    """Jobs that stand in a status nothing should stay in, but for those that somebody deleted."""
    return list(tx.execute(_KEYS_IN_TRANSITION).scalars())


def newest(tx: Tx, limit: int) -> list[JobState]:
    """The `limit` newest jobs that nobody wants deleted, newest first."""
    statement = SELECT.where(_IS_THERE).order_by(jobs.c.key.desc()).limit(limit)
    return [STATE.read(row) for row in tx.execute(statement)]


def insert_job(
    tx: Tx, job: AuthoredJob, status: JobStatus, placement: Placement, activity: str = "", owner: Owner = _NOBODY
) -> Job:
    """Store a compiled job, all of it: tasks queued, dependencies, counters, queues. Returns it as it is stored.

    It takes the place among the jobs that policies gave it, `placement`. Raises `Refused` when its worker tag does
    not exist, `Refused` when it has the UUID of another job or task.
    """
    authored = {name: getattr(job, name) for name in AuthoredJob.__struct_fields__ if name in Job.__struct_fields__}
    stored = Job(
        **authored,
        key=0,
        status=status,
        activity=activity,
        updated=job.created,
        has_variables=bool(job.variables),
        has_time_limits=bool(job.time_limits),
        counts=TaskCounts(queued=len(job.tasks)),
        steps_total=sum(task.steps_total for task in job.tasks),
        max_running=placement.max_running,
        preview=PreviewState.RENDERING.value if job.previewed else "",
        owner=owner,
        project=job.metadata.get(PROJECT, "")[:LONGEST_NAME],
        batch=job.metadata.get(BATCH, "")[:LONGEST_NAME],
    )
    inserted = WHOLE.values(stored) | {"rank": placement.rank, "tag_key": _tag_key(tx, job.worker_tag)}
    with uuids_are_new():
        job_key: int = tx.execute(insert(jobs).returning(jobs.c.key), inserted).scalar_one()
        stored = replace(stored, key=job_key)
        tx.execute(_FIND_BY, {"job_key": job_key, "text": _found_by(stored)})
        sorted_in = queues.insert_queues(tx, stored, job.tasks, placement)
        task_rows.insert_tasks(tx, job_key, job.tasks, job.created, sorted_in)
        _insert_dependencies(tx, job_key, job.tasks)
        if job.variables:
            rows = [{"job_key": job_key, "name": name, "value": value} for name, value in job.variables.items()]
            tx.execute(insert(job_variables), rows)
        time_limits.save(tx, job_key, job.time_limits)
        if job.previewed:
            previews.insert_preview(tx, job_key, job.previewed)
        job_rules.save(tx, job_key, job.failure_rules)
    return stored


def _found_by(job: Job) -> str:
    return searchable(job.name, job.owner.name, job.project, job.type, *([job.batch] if job.batch else []))


@contextmanager
def uuids_are_new() -> Iterator[None]:
    """Raises `Refused` where what is inserted meanwhile is not new."""
    try:
        yield
    except IntegrityError as error:
        raise Refused("The job, or a task of it, has the UUID of one that is stored already.") from error


def _insert_dependencies(tx: Tx, job_key: int, tasks: Sequence[AuthoredTask]) -> None:
    if any(task.dependencies for task in tasks):
        keys = dict(zip((task.id for task in tasks), task_rows.keys(tx, job_key), strict=True))
        pairs = ((keys[task.id], keys[other]) for task in tasks for other in task.dependencies)
        task_rows.insert_dependencies(tx, pairs)


def _tag_key(tx: Tx, tag_id: str) -> int | None:
    if not tag_id:
        return None
    key = tx.execute(select(tags.c.key).where(tags.c.uuid == tag_id)).scalar_one_or_none()
    if key is None:
        raise Refused(f"error persisting job in database: there is no worker tag {tag_id}")
    return int(key)


def save(tx: Tx, before: JobState, now: JobState) -> None:
    """Write what has changed of a locked job since it was read; what can are the fields in `_SAVED`."""
    STATE.write_later(tx, now.key, STATE.changes(before, now), lambda _: None)


def candidate(job: Job | AuthoredJob) -> JobCandidate:
    """The job as scheduling policies see it."""
    return JobCandidate(
        id=job.id,
        name=job.name,
        type=job.type,
        priority=job.priority,
        created=job.created,
        metadata=job.metadata,
        settings=_settings(job),
        worker_tag=job.worker_tag,
        counts=job.counts if isinstance(job, Job) else TaskCounts(queued=len(job.tasks)),
        last_assigned=job.last_assigned if isinstance(job, Job) else None,
        mean_task_s=job.mean_task_s if isinstance(job, Job) else None,
    )


def _settings(job: Job | AuthoredJob) -> dict[str, Any]:
    if not isinstance(job, Job) or job.max_workers is None:
        return job.settings
    return {**job.settings, MAX_WORKERS: job.max_workers}


_SET_MAX_WORKERS = update(jobs).where(jobs.c.key == bindparam("of_job")).values(max_workers=bindparam("most"))


def set_max_workers(tx: Tx, job_key: int, most: int | None) -> None:
    """Say how many tasks of a locked job may run at once; it has to be placed after that."""
    tx.execute(_SET_MAX_WORKERS, {"of_job": job_key, "most": most})


_PLACE = Ready(
    update(jobs)
    .where(jobs.c.key == bindparam("job_key"))
    .values(rank=bindparam("new_rank"), max_running=bindparam("most"))
)


def place(tx: Tx, job: Job, placement: Placement) -> Job:
    """Give a locked job its place among the jobs, and its queues with it. Returns it as it is now."""
    _PLACE.run(tx, job_key=job.key, new_rank=placement.rank, most=placement.max_running)
    placed = replace(job, max_running=placement.max_running)
    queues.limit(tx, placed, placement)
    queues.offer(tx, placed)
    return placed


_UNFINISHED = jobs.c.status.not_in(sorted(FINISHED_JOB))
_KEYS_UNFINISHED = select(jobs.c.key).where(_UNFINISHED, _IS_THERE).order_by(jobs.c.key)


def keys_unfinished(tx: Tx) -> list[int]:
    """Jobs that may still get work done, in the order of their submission."""
    return list(tx.execute(_KEYS_UNFINISHED).scalars())
