"""Between what workers of today's Flamenco say and hear and the farm's values, whose words are the same."""

from __future__ import annotations

from flamenco.api.decoding import storable
from flamenco.domain import model
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm.tasks import RunPermission, TaskChange
from flamenco.protocol.v3 import worker as schemas


def requested_status(status: WorkerStatus) -> schemas.WorkerStateChange:
    """What a worker is asked to become."""
    return schemas.WorkerStateChange(schemas.WorkerStatus(status))


def reported_status(change: schemas.WorkerStateChanged) -> WorkerStatus:
    """What a worker says it has become."""
    return WorkerStatus(change.status)


def can_restart(sign_on: schemas.WorkerSignOn) -> bool:
    """Whether a worker knows how to restart itself; one that does not say so does not."""
    return sign_on.can_restart is True


def registered_worker(worker: model.Worker) -> schemas.RegisteredWorker:
    """A worker that has just been registered."""
    return schemas.RegisteredWorker(
        uuid=worker.id,
        name=worker.name,
        address=worker.address,
        status=schemas.WorkerStatus(worker.status or WorkerStatus.OFFLINE),
        platform=worker.platform,
        software=worker.software,
        supported_task_types=list(worker.task_types),
        current_task="",
    )


def assigned_task(given: model.Assignment) -> schemas.AssignedTask:
    """A task for the worker that gets it."""
    task = given.task
    return schemas.AssignedTask(
        uuid=task.id,
        job=task.job_id,
        name=task.name,
        status=task.status,
        priority=task.priority,
        job_priority=given.job_priority,
        job_type=given.job_type,
        task_type=task.type,
        commands=[
            schemas.Command(command.name, command.parameters or {}, command.total_step_count)
            for command in task.commands
        ],
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
    )


def task_change(update: schemas.TaskUpdate) -> TaskChange:
    """What a worker reports."""
    return TaskChange(
        status=update.status or None,
        activity=storable(update.activity) if isinstance(update.activity, str) else None,
        log=update.log if isinstance(update.log, str) else None,
        steps_completed=update.steps_completed if isinstance(update.steps_completed, int) else None,
    )


def may_keep_running(permission: RunPermission) -> schemas.MayKeepRunning:
    """Whether a worker may go on."""
    return schemas.MayKeepRunning(permission.may_keep_running, permission.reason, permission.status_change_requested)
