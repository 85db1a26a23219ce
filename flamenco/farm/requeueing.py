"""Running tasks again that people choose by how they ended, or that are to run on another worker this time."""

from __future__ import annotations

from collections.abc import Callable

from flamenco.domain.errors import Conflict
from flamenco.domain.model import TaskState
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import audit, moving
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import failures, workers
from flamenco.store import jobs as job_store
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx


def requeue_tasks(farm: Farm, job_id: str, status: TaskStatus, reason: str, check: Callable[[str], None]) -> None:
    """Queue all tasks of a job that are in `status`, as if each was queued by itself. Raises `NotFound`, `Conflict`.

    They start afresh, and a job that has ended goes on with them; after a failure with all that this took down.
    `check` is given the status of the job, and may raise.
    """

    def change(tx: Tx, cascade: Cascade) -> None:
        job = cascade.job
        check(job.status)
        check_there_are(cascade.job.counts.of(status), status)
        after = {"tasks": status, "requeued": job.counts.of(status), "reason": reason}
        audit.note(tx, cascade.now, "job", job.id, job.name, before={"status": job.status}, after=after)
        kinds = task_store.one_of_each_queue(tx, job.key, status)
        failures.forget_tasks(tx, job.key, status)
        for task in kinds:
            _unblock_if_needed(tx, cascade, task)
        cascade.requeue(status, reason)
        cascade.save()
        if cascade.job.is_open and not job.is_open:
            placing.place(tx, farm, job.key, cascade.now)

    moving.alone(farm, lambda tx: Cascade(tx, job_store.lock_by_id(tx, job_id), farm.clock()), change)


def check_there_are(count: int, status: TaskStatus) -> None:
    """Raise `Conflict` unless a job has tasks in that status."""
    if not count:
        raise Conflict(f"None of its tasks is {status}.")


def requeue_elsewhere(farm: Farm, task_id: str, reason: str) -> None:
    """Queue a task for other workers than the one that had it last. Raises `NotFound`, `Conflict` where that cannot be.

    It counts as failed by that worker, which is what keeps it from there; and starts afresh for all others.
    """

    def change(tx: Tx, cascade: Cascade) -> None:
        task = task_store.fetch(tx, task_id)  # with its job locked
        check_had_worker(task)
        worker = workers.fetch_by_key(tx, task.worker_key or 0)
        after = {"status": TaskStatus.QUEUED, "not_on": worker.name, "reason": reason}
        audit.note(tx, cascade.now, "task", task.id, task.name, before={"status": task.status}, after=after)
        failures.forget_task(tx, task.key)
        failures.add_failure(tx, task, worker.key, cascade.now)
        task = task_store.fetch_by_key(tx, task.key)  # which may have waited to be tried again
        if not _unblock_if_needed(tx, cascade, task):
            raise Conflict(f"There is no other worker than {worker.name} that could run it.")
        cascade.log(task, f"Task was queued for other workers than {worker.name} ({worker.id}): {reason}")
        cascade.set_task(task, TaskStatus.QUEUED, reason)
        cascade.take_up(reason)
        cascade.save()

    moving.alone(farm, lambda tx: Cascade.of_task(tx, task_id, farm.clock())[0], change)


def check_had_worker(task: TaskState) -> None:
    """Raise `Conflict` for a task that nobody has had."""
    if task.worker_key is None:
        raise Conflict("No worker has had it yet.")


def start_afresh(tx: Tx, cascade: Cascade, task: TaskState) -> None:
    """Forget who failed the task, and see to it that somebody can run it."""
    failures.forget_task(tx, task.key)
    _unblock_if_needed(tx, cascade, task)


def _unblock_if_needed(tx: Tx, cascade: Cascade, task: TaskState) -> bool:
    """See to it that somebody can run the task, as far as it is blocks that keep them; whether there is anybody."""
    if failures.workers_left(tx, cascade.job, task):
        return True
    failures.unblock_type(tx, cascade.job.key, task.type)
    return failures.workers_left(tx, cascade.job, task) > 0
