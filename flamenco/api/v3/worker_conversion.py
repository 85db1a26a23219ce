"""Between the farm's workers and tags and those of today's Flamenco, as workers and people see them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from flamenco.api.decoding import storable
from flamenco.domain import model
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm.tasks import RunPermission, TaskChange
from flamenco.farm.workers import WorkerDetails
from flamenco.protocol.v3 import worker as schemas
from flamenco.protocol.v3 import worker_management as management
from flamenco.protocol.v3.tasks import TaskWorker


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


def _status(worker: model.Worker) -> schemas.WorkerStatus:
    """A worker that never signed on has no status; today's clients know no such thing."""
    return schemas.WorkerStatus(worker.status or WorkerStatus.OFFLINE)


def _status_change(worker: model.Worker) -> management.WorkerStatusChangeRequest | UnsetType:
    if worker.status_requested is None:
        return UNSET
    return management.WorkerStatusChangeRequest(schemas.WorkerStatus(worker.status_requested), worker.lazy_request)


def summary(worker: model.Worker) -> management.WorkerSummary:
    """What lists show."""
    return management.WorkerSummary(
        id=worker.id,
        name=worker.name,
        status=_status(worker),
        version=worker.software,
        can_restart=worker.can_restart,
        status_change=_status_change(worker),
        last_seen=worker.last_seen or UNSET,
    )


def details(found: WorkerDetails) -> management.Worker:
    """All about a worker."""
    worker = found.worker
    return management.Worker(
        id=worker.id,
        name=worker.name,
        status=_status(worker),
        version=worker.software,
        can_restart=worker.can_restart,
        ip_address=worker.address,
        platform=worker.platform,
        supported_task_types=list(worker.task_types),
        status_change=_status_change(worker),
        last_seen=worker.last_seen or UNSET,
        task=_task(found.task, worker) if found.task else UNSET,
        tags=[tag(each) for each in found.tags] or UNSET,
    )


def _task(task: model.Task, worker: model.Worker) -> management.WorkerTask:
    return management.WorkerTask(
        id=task.id,
        job_id=task.job_id,
        name=task.name,
        status=task.status,
        index_in_job=task.index,
        priority=task.priority,
        task_type=task.type,
        updated=task.updated,
        worker=TaskWorker(worker.id, worker.name, worker.address),
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
    )


def tag(stored: model.Tag) -> management.WorkerTag:
    """A tag; an empty description is left out."""
    return management.WorkerTag(id=stored.id, name=stored.name, description=stored.description or UNSET)
