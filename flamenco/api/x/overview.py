"""The farm at a glance."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain import model
from flamenco.domain.access import Access
from flamenco.domain.statuses import TaskStatus
from flamenco.farm.farm_status import overview
from flamenco.protocol.x import overview as schemas


class Overview(Resource):
    """`/overview`: what people look at while the farm works."""

    @Operation(
        id="getOverview",
        summary="The newest jobs and all workers, in one consistent picture.",
        tag="overview",
        access=Access.LOOK,
        returns={200: Answer("The farm at this moment.", schemas.Overview)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show the farm."""
        seen = overview(self.farm)
        shown = schemas.Overview(
            jobs=[_job(job) for job in seen.jobs], workers=[_worker(*present) for present in seen.workers]
        )
        send(resp, shown)


def _job(job: model.JobState) -> schemas.JobSummary:
    return schemas.JobSummary(
        id=job.id,
        name=job.name,
        type=job.type,
        status=job.status,
        priority=job.priority,
        activity=job.activity,
        steps_completed=job.steps_completed,
        steps_total=job.steps_total,
        tasks=schemas.TasksByStatus(**{status.column: job.counts.of(status) for status in TaskStatus}),
    )


def _worker(worker: model.Worker, task: model.TaskState | None, warning: str) -> schemas.WorkerSummary:
    return schemas.WorkerSummary(
        id=worker.id,
        name=worker.name,
        status=worker.status,
        last_seen=worker.last_seen or UNSET,
        task=schemas.ActiveTask(id=task.id, name=task.name, job_id=task.job_id) if task else UNSET,
        warning=warning or UNSET,
    )
