"""A worker asks for a task: it gets the first that it may run of the best job there is, or the one it has already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.events import worker_event
from flamenco.domain.identity import is_with_predecessor
from flamenco.domain.model import Assignment, JobState, Speaker, Task, TaskState, Worker
from flamenco.domain.scheduling.values import WorkerView
from flamenco.domain.statuses import SCHEDULABLE_JOB, TaskStatus, WorkerStatus
from flamenco.farm import speaking, starting
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import idle, views
from flamenco.farm.task_commands import expanded
from flamenco.farm.task_logs import logged
from flamenco.store import jobs
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx
from flamenco.store.scheduling import claim, limits
from flamenco.store.scheduling.claim import JobOffers, JobsAreDue, Look

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""No job's moment has come by then."""


def assign_next(farm: Farm, speaker: Speaker) -> Assignment | WorkerStatus | None:
    """The worker's next task, or the status it has to take first, or None when there is nothing to do.

    A worker that has an active task gets that one again, once it runs nowhere else any more.
    Raises `Conflict` unless the worker is awake.
    """
    if farm.is_replaced:
        return None  # whoever asks next is given what the newer configuration makes of it
    now = farm.clock()
    if idle.is_idle_still(farm, speaker, now):
        return None
    starts, lets_go = now, False
    while True:  # thrice at most
        try:
            return _assign(farm, speaker, now, starts=starts, lets_go=lets_go)
        except JobsAreDue:
            starting.let_some_go(farm)  # some at a time: those that are left wait for the next who asks
            starts = _LONG_AGO
        except _LockedInVain:
            lets_go = True


class _LockedInVain(Exception):
    """A job is locked of which the worker gets nothing: that is to end before another one is locked."""


def _assign(
    farm: Farm, speaker: Speaker, now: datetime, *, starts: datetime, lets_go: bool
) -> Assignment | WorkerStatus | None:
    # In SQLite nobody else writes meanwhile.
    with speaking.hearing(farm, speaker, now, holds=not farm.store.is_sqlite) as (tx, worker):
        assigned = None
        variables: Mapping[str, str] = {}
        if worker.status_requested is None and worker.status is WorkerStatus.AWAKE and worker.approved:
            seen = claim.look(tx, worker)
            own = claim.own_active_task(tx, seen)
            if own is None or not is_with_predecessor(worker, own.last_touched, now):
                again = _take_again(tx, own, worker, farm) if own else None
                assigned = again or _claim(tx, worker, seen, farm, starts, lets_go=lets_go)
                if assigned and assigned[0].job.has_variables:
                    variables = jobs.variables(tx, assigned[0].job.key)
    # Raised and returned only here: that the worker was seen is to be kept.
    if worker.status_requested is not None:
        return worker.status_requested
    if worker.status is not WorkerStatus.AWAKE:
        why = f"; it is sick: {worker.sick}" if worker.sick else ""
        raise Conflict(f'worker is in state "{worker.status}", requires state "awake" to execute tasks{why}')
    if assigned is None:
        farm.idle_workers.add(worker.key)
        return None
    farm.idle_workers.discard(worker.key)
    cascade, task = assigned
    cascade.write_logs(farm)
    return _assignment(farm, cascade.job, variables, task, worker)


def _take_again(tx: Tx, found: TaskState, worker: Worker, farm: Farm) -> tuple[Cascade, Task] | None:
    # Another process may have taken the task away, or paused or deleted the job, while we waited for its lock.
    try:
        job = jobs.lock(tx, found.job_key)
        task = task_store.fetch_whole_by_key(tx, found.key)
    except NotFound:
        return None
    if job.status not in SCHEDULABLE_JOB or job.delete_requested or not task.is_active_with(worker.key):
        return None
    return _activate(tx, job, task, worker, farm)


def _claim(
    tx: Tx, worker: Worker, seen: Look, farm: Farm, starts: datetime, *, lets_go: bool
) -> tuple[Cascade, Task] | None:
    view = views.of_worker(tx, worker) if farm.policies.is_selective else None
    for found in claim.jobs_with_work(tx, worker, seen, starts):
        if view is not None and _is_refused(tx, farm, found, view):
            continue
        given = _attempt(tx, found, worker, farm, lets_go=lets_go)
        if given is not None:
            return given
    return None


def _attempt(tx: Tx, found: JobOffers, worker: Worker, farm: Farm, *, lets_go: bool) -> tuple[Cascade, Task] | None:
    """Take from a job. What was locked in vain is let go: others may wait for it while we wait for a limit.

    That is seldom, so a server is not told beforehand, each time, how far to go back: whoever needs that begins anew.
    """
    if not found.limits or farm.store.is_sqlite:
        return _take_from(tx, found, worker, farm)
    if not lets_go:
        given = _take_from(tx, found, worker, farm)
        if given is None:
            raise _LockedInVain
        return given
    with tx.begin_nested() as attempt:
        given = _take_from(tx, found, worker, farm)
        if given is None:
            attempt.rollback()
    return given


def _is_refused(tx: Tx, farm: Farm, found: JobOffers, worker: WorkerView) -> bool:
    job = farm.known_jobs.seen_last(tx, found.job_key, found.job_id)
    return job is not None and farm.policies.refusal(job, worker) is not None


def _take_from(tx: Tx, found: JobOffers, worker: Worker, farm: Farm) -> tuple[Cascade, Task] | None:
    best = claim.best_task(tx, found, worker)
    if best is None:
        return None
    limits.take(tx, best.limits, best.task.key)
    return _activate(tx, best.job, best.task, worker, farm)


def _activate(tx: Tx, job: JobState, task: Task, worker: Worker, farm: Farm) -> tuple[Cascade, Task]:
    cascade = Cascade(tx, job, farm.clock())
    cascade.log(task, f"Task assigned to worker {worker.name} ({worker.id})")
    active = cascade.set_task(task, TaskStatus.ACTIVE, worker=worker, log_begins=logged(farm, task))
    cascade.publish(worker_event(worker, cascade.now))
    cascade.save()
    return cascade, active


def _assignment(farm: Farm, job: JobState, variables: Mapping[str, str], task: Task, worker: Worker) -> Assignment:
    commands = expanded(farm, task, variables, worker.platform)
    return Assignment(task=replace(task, commands=commands), job_priority=job.priority, job_type=job.type)
