"""A task that a person has skipped: it counts as completed, although it was not run, and all else goes on."""

from __future__ import annotations

from collections.abc import Callable

from flamenco.domain.actions import requested_by
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import audit, moving
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.store import tasks as task_store
from flamenco.store.engine import Tx


def skip(farm: Farm, task_id: str, name: str, reason: str, check: Callable[[str], None]) -> None:
    """Have a task count as completed, as `name` wants it. Raises `NotFound`, and what `check` of its status does.

    One that is being run is taken from its worker first, so that the time of that is not taken for what such a task
    takes. A job that failed goes on with what its failure took down, if there is any.
    """
    said = skipped_by(name, reason)

    def change(tx: Tx, cascade: Cascade) -> None:
        task = task_store.fetch(tx, task_id)  # with its job locked
        check(task.status)
        after = {"status": TaskStatus.COMPLETED, "skipped": True, "reason": reason}
        audit.note(tx, cascade.now, "task", task.id, task.name, before={"status": task.status}, after=after)
        if task.is_active:
            task = cascade.set_task(task, TaskStatus.QUEUED, said)
        cascade.log(task, said)
        cascade.set_task(task, TaskStatus.COMPLETED, said)
        if cascade.job.status is JobStatus.FAILED and cascade.job.counts.canceled:
            cascade.take_up(reason)
        cascade.save()

    moving.alone(farm, lambda tx: Cascade.of_task(tx, task_id, farm.clock())[0], change)


def skipped_by(name: str, reason: str) -> str:
    """What people read of the task."""
    why = "" if reason == requested_by(name) else f": {reason}"
    return f"skipped by {name or 'a person'}{why}"
