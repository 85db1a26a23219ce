"""Between the farm's jobs, tasks and job types and those of today's Flamenco."""

from __future__ import annotations

from typing import Any, Final, cast

from msgspec import UNSET

from flamenco.domain import model
from flamenco.domain.access import Caller
from flamenco.domain.listing import JobQuery, JobSummary, Page, TaskQuery
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm.jobs import Block
from flamenco.farm.tasks import TaskDetails
from flamenco.protocol.fields import AvailableJobSettingSubtype, AvailableJobSettingType
from flamenco.protocol.v3 import jobs, tasks
from flamenco.protocol.v3.worker import Command

NOBODY = tasks.TaskWorker("", "", "")


def submission(job: jobs.SubmittedJob) -> model.Submission:
    """A job as the farm takes it."""
    storage = job.storage or jobs.JobStorageInfo()
    return model.Submission(
        name=job.name,
        type=job.type,
        priority=job.priority,
        settings=job.settings or {},
        metadata=job.metadata or {},
        type_etag=job.type_etag or "",
        submitter_platform=job.submitter_platform,
        worker_tag=(job.worker_tag or "").lower(),
        shaman_checkout_id=storage.shaman_checkout_id or "",
        initial_status=job.initial_status or JobStatus.QUEUED,
    )


def job(stored: model.Job) -> jobs.Job:
    """A job and where it stands."""
    checkout = stored.shaman_checkout_id
    return jobs.Job(
        name=stored.name,
        type=stored.type,
        submitter_platform="",
        priority=stored.priority,
        settings=stored.settings,
        metadata=stored.metadata,
        id=stored.id,
        created=stored.created,
        updated=stored.updated,
        status=stored.status,
        activity=stored.activity,
        steps_completed=stored.steps_completed,
        steps_total=stored.steps_total,
        storage=jobs.JobStorageInfo(checkout) if checkout else UNSET,
        worker_tag=stored.worker_tag or UNSET,
        delete_requested_at=stored.delete_requested or UNSET,
    )


_JOB_STATUSES: Final = {status.value: status for status in JobStatus}


def jobs_result(found: list[JobSummary]) -> jobs.JobsQueryResult:
    """Jobs, of which there may be many."""
    return jobs.JobsQueryResult([_listed(each) for each in found])


def _listed(stored: JobSummary) -> jobs.Job:
    checkout = stored.shaman_checkout_id
    return jobs.Job(
        name=stored.name,
        type=stored.type,
        submitter_platform="",
        priority=stored.priority,
        settings=cast("Any", stored.settings),  # which is encoded as it is
        metadata=cast("Any", stored.metadata),
        id=stored.id,
        created=stored.created,
        updated=stored.updated,
        status=_JOB_STATUSES[stored.status],
        activity=stored.activity,
        steps_completed=stored.steps_completed,
        steps_total=stored.steps_total,
        storage=jobs.JobStorageInfo(checkout) if checkout else UNSET,
        worker_tag=stored.worker_tag or UNSET,
    )


def job_query(asked: jobs.JobsQuery, of: Caller | None = None) -> JobQuery:
    """Which jobs a client asks for; with `of`, of theirs alone."""
    return JobQuery(
        page=Page(offset=asked.offset, limit=asked.limit or None),
        order_by=tuple(asked.order_by),
        statuses=tuple(asked.status_in),
        types=tuple(asked.type_in),
        of=of,
    )


def task_query(asked: tasks.TasksQuery) -> TaskQuery:
    """Which tasks a client asks for."""
    return TaskQuery(
        page=Page(offset=asked.offset, limit=asked.limit or None),
        order_by=tuple(asked.order_by),
        statuses=tuple(asked.status_in),
    )


def job_type(known: model.JobType) -> jobs.AvailableJobType:
    """A job type with its settings."""
    return jobs.AvailableJobType(
        name=known.name,
        label=known.label,
        etag=known.etag,
        description=known.description,
        settings=[_setting(setting) for setting in known.settings or ()],
    )


def _setting(setting: model.JobTypeSetting) -> jobs.AvailableJobSetting:
    info = setting.eval_info
    return jobs.AvailableJobSetting(
        key=setting.key,
        type=AvailableJobSettingType(setting.type),
        subtype=AvailableJobSettingSubtype(setting.subtype) if setting.subtype else UNSET,
        choices=list(setting.choices) if setting.choices else UNSET,
        propargs=setting.propargs or UNSET,
        description=UNSET if setting.description is None else setting.description,
        label=UNSET if setting.label is None else setting.label,
        default=UNSET if setting.default is None else setting.default,
        eval=setting.eval or UNSET,
        eval_info=jobs.AvailableJobSettingEvalInfo(info.show_link_button, info.description) if info else UNSET,
        visible=jobs.AvailableJobSettingVisibility(setting.visible) if setting.visible else UNSET,
        required=setting.required,
        editable=setting.editable,
    )


def block(entry: Block) -> jobs.JobBlocklistEntry:
    """An entry of a job's blocklist."""
    return jobs.JobBlocklistEntry(entry.worker_id, entry.task_type, entry.worker_name)


def task_worker(worker: model.TaskWorker | None) -> tasks.TaskWorker:
    """The worker of a task; today's clients want one that is empty where there is none."""
    return tasks.TaskWorker(worker.id, worker.name, worker.address) if worker else NOBODY


def tasks_summary(found: list[model.TaskSummary]) -> tasks.JobTasksSummary:
    """The tasks of a job, of which there may be very many."""
    statuses = {status.value: status for status in TaskStatus}
    workers = {task.worker: task_worker(task.worker) for task in found}
    return tasks.JobTasksSummary(
        [
            tasks.TaskSummary(
                id=task.id,
                name=task.name,
                status=statuses[task.status],
                index_in_job=task.index,
                priority=task.priority,
                task_type=task.type,
                updated=task.updated,
                worker=workers[task.worker],
                steps_completed=task.steps_completed,
                steps_total=task.steps_total,
            )
            for task in found
        ]
    )


def task(found: TaskDetails) -> tasks.Task:
    """A task, with everything about it."""
    stored = found.task
    return tasks.Task(
        id=stored.id,
        created=stored.created,
        updated=stored.updated,
        job_id=stored.job_id,
        index_in_job=stored.index,
        name=stored.name,
        status=stored.status,
        priority=stored.priority,
        task_type=stored.type,
        activity=stored.activity,
        commands=[Command(each.name, each.parameters or {}, each.total_step_count) for each in stored.commands],
        steps_completed=stored.steps_completed,
        steps_total=stored.steps_total,
        worker=task_worker(found.worker),
        last_touched=stored.last_touched or UNSET,
        failed_by_workers=[task_worker(worker) for worker in found.failed_by],
    )
