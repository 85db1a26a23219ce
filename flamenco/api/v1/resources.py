"""The original API: which Flamenco this is, what workers call, what artists' tools call."""

from __future__ import annotations

from typing import Final

import falcon

import flamenco
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.submissions import submitted
from flamenco.api.v1 import conversion
from flamenco.api.worker_calls import Dialect
from flamenco.domain.access import Access
from flamenco.farm import jobs
from flamenco.protocol import v1 as schemas


class Version(Resource):
    """`/version`: lets a worker make sure that it talks to a manager."""

    @Operation(
        id="getVersion",
        summary="The version of this manager, and the name of its farm.",
        tag="meta",
        access=Access.PUBLIC,
        returns={200: Answer("This is a manager.", schemas.FlamencoVersion)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Say who we are."""
        send(resp, schemas.FlamencoVersion(flamenco.__version__, self.farm.config.manager_name))


DIALECT: Final = Dialect(
    registration=schemas.WorkerRegistration,
    registered=schemas.RegisteredWorker,
    registered_worker=conversion.registered_worker,
    sign_on=schemas.WorkerSignOn,
    can_restart=lambda _: False,
    state_change=schemas.WorkerStateChange,
    requested_status=conversion.requested_status,
    state_changed=schemas.WorkerStateChanged,
    reported_status=conversion.reported_status,
    assigned=schemas.AssignedTask,
    assigned_task=conversion.assigned_task,
    update=schemas.TaskUpdate,
    task_change=conversion.task_change,
)


class JobTypes(Resource):
    """`/jobs/types`: what kinds of jobs there are."""

    @Operation(
        id="getJobTypes",
        summary="The job types and their settings.",
        tag="jobs",
        access=Access.PREPARE,
        returns={200: Answer("All job types that can be used.", schemas.AvailableJobTypes)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the job types by name."""
        send(resp, conversion.job_types(jobs.job_types(self.farm)))


class Jobs(Resource):
    """`/jobs`: submission."""

    @Operation(
        id="submitJob",
        summary="Submit a job.",
        tag="jobs",
        access=Access.SUBMIT,
        body=schemas.SubmittedJob,
        returns={200: Answer("The job was compiled into tasks and stored.", schemas.Job)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile and store the job; missing settings get their defaults, wrong ones refuse it."""
        send(resp, conversion.job(submitted(self.farm, req, resp, conversion.submission(body), strict=True)))


class Job(Resource):
    """`/jobs/{job_id}`: one job."""

    @Operation(
        id="fetchJob",
        summary="One job, and where it stands.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("The job.", schemas.Job)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Fetch the job."""
        send(resp, conversion.job(jobs.fetch(self.farm, job_id)))
