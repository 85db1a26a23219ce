"""Between the farm's workers and tags and those of today's Flamenco, as people see them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from flamenco.domain import model
from flamenco.farm.workers import WorkerDetails
from flamenco.protocol.v3 import worker_management as schemas
from flamenco.protocol.v3.tasks import TaskWorker
from flamenco.protocol.v3.worker import WorkerStatus


def _status(worker: model.Worker) -> WorkerStatus:
    """A worker that never signed on has no status; today's clients know no such thing."""
    return WorkerStatus(worker.status or WorkerStatus.OFFLINE)


def _status_change(worker: model.Worker) -> schemas.WorkerStatusChangeRequest | UnsetType:
    if worker.status_requested is None:
        return UNSET
    return schemas.WorkerStatusChangeRequest(WorkerStatus(worker.status_requested), worker.lazy_request)


def summary(worker: model.Worker) -> schemas.WorkerSummary:
    """What lists show."""
    return schemas.WorkerSummary(
        id=worker.id,
        name=worker.name,
        status=_status(worker),
        version=worker.software,
        can_restart=worker.can_restart,
        status_change=_status_change(worker),
        last_seen=worker.last_seen or UNSET,
    )


def details(found: WorkerDetails) -> schemas.Worker:
    """All about a worker."""
    worker = found.worker
    return schemas.Worker(
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


def _task(task: model.Task, worker: model.Worker) -> schemas.WorkerTask:
    return schemas.WorkerTask(
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


def tag(stored: model.Tag) -> schemas.WorkerTag:
    """A tag; an empty description is left out."""
    return schemas.WorkerTag(id=stored.id, name=stored.name, description=stored.description or UNSET)
