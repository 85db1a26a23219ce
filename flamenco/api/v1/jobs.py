"""What artists' tools call: job types, submission, looking at a job."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send, warner
from flamenco.api.v1 import conversion
from flamenco.farm import jobs
from flamenco.protocol import v1 as schemas


class JobTypes(Resource):
    """`/jobs/types`: what kinds of jobs there are."""

    @Operation(
        id="getJobTypes",
        summary="The job types and their settings.",
        tag="jobs",
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
        body=schemas.SubmittedJob,
        returns={200: Answer("The job was compiled into tasks and stored.", schemas.Job)},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile and store the job; missing settings get their defaults, wrong ones refuse it."""
        asked = conversion.submission(body)
        send(resp, conversion.job(jobs.submit(self.farm, asked, strict=True, warn=warner(resp))))


class Job(Resource):
    """`/jobs/{job_id}`: one job."""

    @Operation(
        id="fetchJob",
        summary="One job, and where it stands.",
        tag="jobs",
        returns={200: Answer("The job.", schemas.Job)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Fetch the job."""
        send(resp, conversion.job(jobs.fetch(self.farm, job_id)))
