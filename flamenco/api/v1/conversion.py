"""Between the farm's values and those of the original API, in both directions.

Where the original has no word for something, the nearest one is used that makes its clients do the right thing.
"""

from __future__ import annotations

from msgspec import UNSET

from flamenco.api.decoding import storable
from flamenco.api.errors import BadRequest
from flamenco.domain import model
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm.tasks import TaskChange
from flamenco.protocol import v1 as schemas
from flamenco.protocol.fields import AvailableJobSettingSubtype, AvailableJobSettingType
from flamenco.protocol.worker import Command

_REQUESTED = {WorkerStatus.OFFLINE: schemas.WorkerStatus.SHUTDOWN, WorkerStatus.RESTART: schemas.WorkerStatus.SHUTDOWN}
"""A worker of the original protocol cannot restart itself; whatever watches over it does when it has shut down."""

_JOB_STATUSES = {
    JobStatus.PAUSE_REQUESTED: schemas.JobStatus.PAUSED,
    JobStatus.REQUEUEING: schemas.JobStatus.REQUEUED,
}

_SHOWN_TO_SUBMITTERS = ("visible", "submission")


def requested_status(status: WorkerStatus) -> schemas.WorkerStateChange:
    """What a worker is asked to become. Going offline is called shutting down."""
    return schemas.WorkerStateChange(_REQUESTED.get(status) or schemas.WorkerStatus(status))


def reported_status(change: schemas.WorkerStateChanged) -> WorkerStatus:
    """What a worker says it has become. One that shuts down is offline from then on."""
    is_shutdown = change.status is schemas.WorkerStatus.SHUTDOWN
    return WorkerStatus.OFFLINE if is_shutdown else WorkerStatus(change.status)


def registered_worker(worker: model.Worker) -> schemas.RegisteredWorker:
    """A worker that has just been registered; until it signs on it is starting, and it has no task yet."""
    return schemas.RegisteredWorker(
        uuid=worker.id,
        nickname=worker.name,
        address=worker.address,
        status=schemas.WorkerStatus(worker.status or WorkerStatus.STARTING),
        platform=worker.platform,
        current_task="",
        last_activity=worker.last_seen.isoformat().replace("+00:00", "Z") if worker.last_seen else "",
        software=worker.software,
        supported_task_types=list(worker.task_types),
    )


def assigned_task(given: model.Assignment) -> schemas.AssignedTask:
    """A task for the worker that gets it."""
    task = given.task
    return schemas.AssignedTask(
        uuid=task.id,
        job=task.job_id,
        name=task.name,
        status=schemas.TaskStatus(task.status),
        priority=task.priority,
        job_priority=given.job_priority,
        job_type=given.job_type,
        task_type=task.type,
        commands=[Command(command.name, command.parameters or {}) for command in task.commands],
    )


def task_change(update: schemas.TaskUpdate) -> TaskChange:
    """What a worker reports. Raises `BadRequest` for a status that the farm has no idea of."""
    if update.status is schemas.TaskStatus.CANCEL_REQUESTED:
        raise BadRequest("taskStatus: a worker cannot set 'cancel-requested'; the manager does that")
    return TaskChange(
        status=TaskStatus(update.status) if update.status else None,
        activity=storable(update.activity) if isinstance(update.activity, str) else None,
        log=update.log if isinstance(update.log, str) else None,
    )


def submission(job: schemas.SubmittedJob) -> model.Submission:
    """A job as the farm takes it."""
    return model.Submission(
        name=job.name, type=job.type, priority=job.priority, settings=job.settings, metadata=job.metadata
    )


def job(stored: model.Job) -> schemas.Job:
    """A job and where it stands."""
    return schemas.Job(
        name=stored.name,
        type=stored.type,
        priority=stored.priority,
        settings=stored.settings,
        metadata=stored.metadata,
        id=stored.id,
        created=stored.created,
        updated=stored.updated,
        status=_JOB_STATUSES.get(stored.status) or schemas.JobStatus(stored.status),
    )


def job_types(known: list[model.JobType]) -> schemas.AvailableJobTypes:
    """All job types, with what the original API tells about them."""
    return schemas.AvailableJobTypes(
        [
            schemas.AvailableJobType(
                name=each.name, label=each.label, settings=[_setting(setting) for setting in each.settings or ()]
            )
            for each in known
        ]
    )


def _setting(setting: model.JobTypeSetting) -> schemas.AvailableJobSetting:
    return schemas.AvailableJobSetting(
        key=setting.key,
        type=AvailableJobSettingType(setting.type),
        subtype=AvailableJobSettingSubtype(setting.subtype) if setting.subtype else UNSET,
        choices=list(setting.choices) if setting.choices else UNSET,
        description=UNSET if setting.description is None else setting.description,
        default=UNSET if setting.default is None else setting.default,
        visible=setting.visible in _SHOWN_TO_SUBMITTERS if setting.visible else True,
        required=bool(setting.required),
        editable=bool(setting.editable),
    )
