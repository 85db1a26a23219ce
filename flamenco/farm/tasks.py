"""What becomes of tasks: hearing from the workers that run them, and what people decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.events import task_log_event
from flamenco.domain.failure_rules import Ruling
from flamenco.domain.listing import TaskQuery
from flamenco.domain.model import JobState, Speaker, Task, TaskState, TaskSummary, TaskWorker, Worker
from flamenco.domain.statuses import SCHEDULABLE_JOB, JobStatus, TaskStatus
from flamenco.farm import audit, failing, failure_rules, last_rendered, moving, sickness, speaking, time_limits
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.failing import Aftermath
from flamenco.farm.task_logs import logged
from flamenco.store import events, failures, heard, jobs, listing, workers
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx
from flamenco.store.heard import Heard


class TaskChange(Struct, frozen=True, kw_only=True):
    """What a worker reports on its task; None where it says nothing. `steps_completed` counts from the start."""

    status: TaskStatus | None = None
    activity: str | None = None
    log: str | None = None
    steps_completed: int | None = None


class RunPermission(Struct, frozen=True):
    """Whether a worker may go on with its task; if not, why, and whether it is to ask for its new status."""

    may_keep_running: bool
    reason: str = ""
    status_change_requested: bool = False


class TaskDetails(Struct, frozen=True):
    """A task with the worker it is or was with, and those that failed it."""

    task: Task
    worker: TaskWorker | None
    failed_by: list[TaskWorker]


LONGEST_ACTIVITY = 10_000
"""Of a longer one the beginning is kept, in characters: an update is never refused for what a program printed."""

REPORTABLE = frozenset({TaskStatus.ACTIVE, TaskStatus.COMPLETED, TaskStatus.FAILED})
"""What a worker may say of a task; all else is for people and for the manager to decide."""


def update(farm: Farm, speaker: Speaker, task_id: str, change: TaskChange) -> None:
    """Take in what a worker reports on its task. The log is written first: what was acknowledged is never lost.

    Raises `NotFound`, `Conflict` when the task is with another worker or nobody, or is not active with this one any
    more, which only adds to its log, and `Refused` for a status that is not a worker's to give.
    """
    if change.status is not None and change.status not in REPORTABLE:
        raise Refused(
            f"taskStatus: a worker reports active, completed or failed; {change.status} is not its to decide."
        )
    if change.activity is not None and len(change.activity) > LONGEST_ACTIVITY:
        change = replace(change, activity=f"{change.activity[: LONGEST_ACTIVITY - 1]}…")
    now = farm.clock()
    if change.log and _only_log(farm, speaker, task_id, change, now):
        return
    if _is_progress(change) and _only_tells(farm, speaker, task_id, change, now):
        return
    ruling = None
    if change.status is TaskStatus.FAILED:
        # Not in the transaction, where others would have to wait for what may take a second.
        ruling = failure_rules.judge(farm, speaker, task_id, change.activity or "")
    aftermath = None
    with speaking.hearing_of(farm, speaker, task_id, now) as told:
        tx, worker, job, task, *_ = told
        percent = farm.config.failures.job_fail_percent
        cascade = Cascade(tx, job, now, () if told.is_waited_for else (task.key,), percent)
        _check_yours(task.id, task.worker_key, worker)
        if change.log:
            cascade.publish(task_log_event(task.id, change.log))
        counts = _counts_still(tx, cascade.job, task, worker, change)
        if counts:
            aftermath = _report(told, farm, cascade, change, ruling)
        cascade.save()
    cascade.write_logs(farm)
    if aftermath is not None:
        sickness.after_failure(farm, worker, job.key, aftermath)
    elif counts and change.status is TaskStatus.COMPLETED:
        sickness.after_success(farm, worker)
    # Said only here: the log that came along is to be kept.
    if not counts and not _is_known(task, change):
        raise Conflict(f"Task {task.id} is not active any more, it is {task.status}; drop it.")


def _counts_still(tx: Tx, job: JobState, task: TaskState, worker: Worker, change: TaskChange) -> bool:
    """Whether the worker's word on a task that was given to it still counts.

    It does while the task is active; and a task that was given up only because its worker was silent for too long is
    completed after all when the worker did complete it: those of today's Flamenco keep what they report while the
    manager cannot be reached, and the work is done.
    """
    if task.status is TaskStatus.ACTIVE:
        return True
    gone_silent = task.status is TaskStatus.FAILED and change.status is TaskStatus.COMPLETED
    is_in_play = job.status in SCHEDULABLE_JOB or job.status is JobStatus.FAILED
    return gone_silent and is_in_play and not failures.has_failed(tx, task.key, worker.key)


def _is_known(task: TaskState, change: TaskChange) -> bool:
    """Whether a worker says again how its task ended, as when our answer was lost: it is told that all is well."""
    if change.status is TaskStatus.FAILED:
        return task.status in (TaskStatus.FAILED, TaskStatus.SOFT_FAILED)
    return change.status is TaskStatus.COMPLETED is task.status


def _is_progress(change: TaskChange) -> bool:
    """Whether a worker says what its task is about, and nothing that is counted or told."""
    return change.status in (None, TaskStatus.ACTIVE) and change.steps_completed is None and not change.log


def _only_log(farm: Farm, speaker: Speaker, task_id: str, change: TaskChange, now: datetime) -> bool:
    """Append to the task's log; whether nothing else is to be noted of what the worker reports.

    That both were heard of is written now and then only, so that most of these write nothing to the database.
    """
    text = change.log or ""
    with farm.store.read_at_once() as tx:
        found = heard.look(tx, speaker.key, task_id)
        if found is None or found.job_id is None or speaking.is_replaced(speaker, found.sign_ons):
            return False  # as it is told in a moment
        is_all = change == TaskChange(log=text) and _are_noted(farm, found, now)
        if is_all and found.logs_are_followed:
            is_all = not events.is_followed(tx, task_log_event(task_id, text).topic)
    _check_yours(task_id, found.worker_key, speaker)
    farm.logs.append(found.job_id, task_id, text)
    return is_all


def _only_tells(farm: Farm, speaker: Speaker, task_id: str, change: TaskChange, now: datetime) -> bool:
    """Note what the worker says of its task; whether nothing else is to be noted."""
    noted = speaking.noted_lately(farm, now)
    with farm.store.write_at_once() as tx:
        return heard.tell(tx, speaker, task_id, change.activity, now, noted)


def _are_noted(farm: Farm, found: Heard, now: datetime) -> bool:
    """Whether it was noted a moment ago that both were heard of, and the task is run still."""
    return (
        found.status == TaskStatus.ACTIVE
        and speaking.is_recent(found.last_seen, farm.config.worker_timeout, now)
        and speaking.is_recent(found.last_touched, farm.config.task_timeout, now)
    )


def _check_yours(task_id: str, worker_key: int | None, speaker: Speaker) -> None:
    if worker_key != speaker.key:
        raise Conflict(f"Task {task_id} is not assigned to worker {speaker.name}.")


def _report(
    told: speaking.Telling, farm: Farm, cascade: Cascade, change: TaskChange, ruling: Ruling | None
) -> Aftermath | None:
    """Note what a worker says; what is left to be done where that was a failure."""
    tx, worker, _, task, *_ = told
    if change.status in (None, TaskStatus.FAILED, task.status) or change.steps_completed is not None:
        task = cascade.set_progress(task, change.activity, change.steps_completed, worker)
    if change.status is None or change.status is task.status:
        return None
    if change.status is TaskStatus.FAILED:
        return failing.task_failed(tx, farm.config, cascade, task, worker, ruling)
    if change.status is TaskStatus.COMPLETED and (why_not := time_limits.shortfall(told, farm, cascade.now)):
        failing.fail(tx, farm.config, cascade, task, worker, why_not)
        return failing.COUNTED
    cascade.set_task(task, change.status, change.activity, worker)
    return None


def may_run(farm: Farm, speaker: Speaker, task_id: str) -> RunPermission:
    """Whether the worker may go on with a task it is running; if so, task and worker were heard of."""
    now = farm.clock()
    with speaking.hearing(farm, speaker, now, holds=False) as (tx, worker):
        try:
            _, task = task_store.lock(tx, task_id)
        except NotFound:
            return RunPermission(may_keep_running=False, reason="Task not found")
        if worker.status_requested is not None and not worker.lazy_request:
            return RunPermission(
                may_keep_running=False, reason="worker status change requested", status_change_requested=True
            )
        if task.worker_key != worker.key:
            return RunPermission(may_keep_running=False, reason="task not assigned to this worker")
        if task.status is not TaskStatus.ACTIVE:
            return RunPermission(may_keep_running=False, reason=f'task is in non-runnable status "{task.status}"')
        task_store.touch(tx, task.key, now)
    return RunPermission(may_keep_running=True)


def output_produced(farm: Farm, speaker: Speaker, task_id: str, image: bytes) -> None:
    """Show an image that a task rendered as the last one of its job.

    Raises `NotFound`, `Conflict`, `Refused`, and `QueueFull` when many came in. The task may be over: images
    are on their way for longer than the news of its end.
    """
    # Noted each time: a disk on which that has no room has none for the image, which is handed in again then.
    with speaking.hearing(farm, speaker, farm.clock()) as (tx, _):
        task = task_store.fetch(tx, task_id)
    _check_yours(task.id, task.worker_key, speaker)
    last_rendered.accept(farm, task, image)


def time_out(farm: Farm, forgotten: TaskState) -> None:
    """Nobody was heard of a task for too long: it fails, unless it was touched meanwhile."""
    with farm.store.write() as tx:
        try:
            percent = farm.config.failures.job_fail_percent
            cascade, task = Cascade.of_task(tx, forgotten.id, farm.clock(), percent)
        except NotFound:
            return
        if task.status is not TaskStatus.ACTIVE or task.last_touched != forgotten.last_touched:
            return
        worker = workers.fetch_by_key(tx, task.worker_key) if task.worker_key else None
        who = f"{worker.name} ({worker.id})" if worker else "-unassigned-"
        cascade.set_task(task, TaskStatus.FAILED, f"Task timed out on worker {who}", is_lost=True)
        since = f"{task.last_touched:%Y-%m-%dT%H:%M:%SZ}"
        cascade.log(task, f"Task timed out. It was assigned to worker {who}, but untouched since {since}")
        cascade.save()
    cascade.write_logs(farm)


def of_job(farm: Farm, job_id: str) -> list[Task]:
    """All tasks of a job, in the order its script added them. Raises `NotFound`."""
    with farm.store.read() as tx:
        return task_store.of_job(tx, jobs.fetch(tx, job_id).key)


def matching(farm: Farm, job_id: str, query: TaskQuery) -> list[TaskSummary]:
    """The tasks of a job that `query` asks for, as lists show them; none for a job that does not exist."""
    with farm.store.read() as tx:
        return listing.tasks_matching(tx, job_id, query)


def details(farm: Farm, task_id: str) -> TaskDetails:
    """A task, who has it, and who failed it. Raises `NotFound`."""
    with farm.store.read() as tx:
        task = task_store.fetch_whole(tx, task_id)
        return TaskDetails(task, listing.task_worker(tx, task.worker_key), listing.failed_by(tx, task.key))


def _any_status(_status: str) -> None:
    pass


def set_status(
    farm: Farm, task_id: str, status: TaskStatus, reason: str, check: Callable[[str], None] = _any_status
) -> None:
    """A person decides what becomes of a task, and its job follows. Raises `NotFound`.

    A task that is queued again starts afresh: nobody failed it, and if all who could run it are blocked, nobody is.
    A job that has ended goes on with it. What has been begun with the tasks of the job before is finished first.
    `check` is given the status that it has then, and may raise.
    """

    def change(tx: Tx, cascade: Cascade) -> None:
        task = task_store.fetch(tx, task_id)  # with its job locked
        check(task.status)
        _set_status(tx, farm, cascade, task, status, reason)

    percent = farm.config.failures.job_fail_percent
    moving.alone(farm, lambda tx: Cascade.of_task(tx, task_id, farm.clock(), percent)[0], change)


def _set_status(tx: Tx, farm: Farm, cascade: Cascade, task: TaskState, status: TaskStatus, reason: str) -> None:
    after = {"status": status, "reason": reason}
    audit.note(tx, cascade.now, "task", task.id, task.name, before={"status": task.status}, after=after)
    if status is TaskStatus.QUEUED:
        failures.forget_task(tx, task.key)
        task = task_store.fetch_by_key(tx, task.key)  # which may have waited to be tried again
        if not failures.workers_left(tx, cascade.job, task):
            failures.unblock_type(tx, cascade.job.key, task.type)
    cascade.set_task(task, status, reason, log_begins=logged(farm, task))
    if status is TaskStatus.QUEUED:
        cascade.take_up(reason)
    cascade.save()


def log_path(farm: Farm, task_id: str) -> Path:
    """Where a task's log is; it may not exist yet. Raises `NotFound`."""
    with farm.store.read() as tx:
        task = task_store.fetch(tx, task_id)
    return farm.logs.path(task.job_id, task.id)
