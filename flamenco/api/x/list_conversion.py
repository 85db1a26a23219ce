"""Jobs, tasks and workers of lists as they go over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import falcon
from msgspec import UNSET, Raw, UnsetType, convert
from msgspec.structs import asdict

from flamenco.api.resource import public_path
from flamenco.api.x.previews import kept_preview
from flamenco.api.x.time_limits import own_limits
from flamenco.domain import notes as domain_notes
from flamenco.domain.estimates import Estimate
from flamenco.domain.events import thumbnails_of
from flamenco.domain.job_workers import Named
from flamenco.domain.listing import JobGroup, ListedJob, ListedTask, ListedWorker
from flamenco.domain.model import Worker
from flamenco.domain.paging import Slice
from flamenco.domain.statuses import TaskStatus
from flamenco.farm.context import Farm
from flamenco.farm.lists import JobDetails, nap
from flamenco.protocol.x import lists as schemas
from flamenco.protocol.x.attempts import Eta
from flamenco.protocol.x.filters import ShownWorkerStatus
from flamenco.protocol.x.job_workers import NamedByJob, Note
from flamenco.protocol.x.overview import TasksByStatus
from flamenco.protocol.x.previews import PreviewStateName


def wanted(query: schemas.JobsQuery | schemas.TasksQuery | schemas.WorkersQuery) -> Slice:
    """Which page is asked for."""
    return Slice(sort=query.sort, limit=query.limit, after="" if query.after is UNSET else query.after)


def counts(found: Mapping[Any, int]) -> dict[str, int]:
    """How many there are, by the words for statuses."""
    return {_word(status): count for status, count in found.items()}


def _word(status: StrEnum) -> str:
    return status.value or ShownWorkerStatus.REGISTERED.value


def eta(found: Estimate | None) -> Eta | UnsetType:
    """When a job will be done, where anybody can tell."""
    return Eta(earliest=found.earliest, latest=found.latest, ground=found.ground) if found else UNSET


def job_row(
    farm: Farm, req: falcon.Request, listed: ListedJob, estimates: Mapping[str, Estimate] | None = None
) -> schemas.JobRow:
    """A job in a list, with the address of its last image, and when it will be done if that is among `estimates`."""
    job = listed.job
    image = thumbnails_of(job.id) if farm.images.exist(job.id) else None
    return schemas.JobRow(
        id=job.id,
        name=job.name,
        type=job.type,
        status=job.status,
        priority=job.priority,
        activity=job.activity,
        user=listed.user or UNSET,
        project=listed.project or UNSET,
        batch=listed.batch or UNSET,
        tag=schemas.Named(job.worker_tag, listed.tag_name) if job.worker_tag else UNSET,
        created=job.created,
        updated=job.updated,
        steps_completed=job.steps_completed,
        steps_total=job.steps_total,
        tasks=TasksByStatus(**{status.column: job.counts.of(status) for status in TaskStatus}),
        start_after=job.start_after or UNSET,
        start_after_reason=listed.start_after_reason or UNSET,
        preview=convert(job.preview, PreviewStateName) if job.preview else UNSET,
        image=public_path(req, f"{image.base}/{image.suffixes[-1]}") if image else UNSET,
        eta=eta(estimates.get(job.id)) if estimates else UNSET,
        settings=_as_stored(listed.settings),
        metadata=_as_stored(listed.metadata),
    )


def _as_stored(json: Raw | None) -> Any:
    return UNSET if json is None else json


def job_group(group: JobGroup) -> schemas.JobGroup:
    """Jobs with something in common."""
    return schemas.JobGroup(
        name=group.name or UNSET,
        total=sum(group.jobs.values()),
        counts=counts(group.jobs),
        steps_completed=group.steps_completed,
        steps_total=group.steps_total,
        updated=group.updated,
    )


def job(farm: Farm, req: falcon.Request, details: JobDetails) -> schemas.Job:
    """A job, with all that was submitted."""
    whole = details.job
    files = schemas.JobFiles(whole.shaman_checkout_id, details.files_go)
    return schemas.Job(
        **asdict(job_row(farm, req, details.listed)) | {"settings": whole.settings, "metadata": whole.metadata},
        owner_is_claim=whole.owner.is_claim,
        max_workers=UNSET if whole.max_workers is None else whole.max_workers,
        workers_allowed=_named(details.workers.allowed),
        workers_denied=_named(details.workers.denied),
        note=_note(details.note),
        files=files if whole.shaman_checkout_id else UNSET,
        fail_percent=_or_unset(whole.fail_percent),
        tries=_or_unset(whole.tries),
        time_limits=own_limits(details.time_limits) or UNSET,
        order=whole.frame_order or UNSET,
        previewed=kept_preview(details.preview, whole.preview),
    )


def _named(found: Sequence[Named]) -> list[NamedByJob] | UnsetType:
    return [NamedByJob(id=each.id, name=each.name, is_tag=each.is_tag) for each in found] or UNSET


def _note(found: domain_notes.Note | None) -> Note | UnsetType:
    return Note(found.text, found.who, found.at) if found else UNSET


def _or_unset(number: int | None) -> int | UnsetType:
    return UNSET if number is None else number


def task_row(task: ListedTask) -> schemas.TaskRow:
    """A task in a list."""
    return schemas.TaskRow(
        id=task.id,
        index=task.index,
        name=task.name,
        type=task.type,
        status=task.status,
        priority=task.priority,
        updated=task.updated,
        activity=task.activity,
        worker=schemas.Named(task.worker.id, task.worker.name) if task.worker else UNSET,
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
        activated=task.activated or UNSET,
        failed_by=task.failed_by,
    )


def worker_row(farm: Farm, listed: ListedWorker) -> schemas.WorkerRow:
    """A worker in a list."""
    worker = listed.worker
    wish = worker.status_requested
    return schemas.WorkerRow(
        id=worker.id,
        name=worker.name,
        status=ShownWorkerStatus.of(worker.status),
        address=worker.address,
        platform=worker.platform,
        version=worker.software,
        last_seen=worker.last_seen or UNSET,
        created=listed.created,
        can_restart=worker.can_restart,
        approved=worker.approved,
        put_away=worker.put_away or UNSET,
        warning=_warning(worker) or UNSET,
        sick=worker.sick or UNSET,
        sick_since=worker.sick_since or UNSET,
        tags=[schemas.Named(tag.id, tag.name) for tag in listed.tags],
        task=convert(listed.task, schemas.RunningTask, from_attributes=True) if listed.task else UNSET,
        requested=schemas.RequestedStatus(wish, worker.lazy_request) if wish is not None else UNSET,
        sleep=_sleep(farm, listed),
    )


def _warning(worker: Worker) -> str:
    """What people should know of a worker."""
    sick = f"it is sick, and given nothing until `flamenco workers heal`: {worker.sick}" if worker.sick else ""
    return "; ".join(filter(None, (sick, worker.warning)))


def _sleep(farm: Farm, listed: ListedWorker) -> Any:
    if listed.schedule is None:
        return UNSET
    now = nap(farm, listed.schedule)
    return schemas.Sleep(active=now.is_active, asleep_now=now.asleep_now, next=now.next or UNSET)


def worker(farm: Farm, listed: ListedWorker, note: domain_notes.Note | None = None) -> schemas.Worker:
    """A worker, with what it can do, and what people want others to know of it."""
    able = listed.worker
    return schemas.Worker(
        **asdict(worker_row(farm, listed)),
        task_types=list(able.task_types),
        commands=UNSET if able.commands is None else list(able.commands),
        note=_note(note),
    )
