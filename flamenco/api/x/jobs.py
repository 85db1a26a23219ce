"""Submitting a job with what the original API has no words for, and seeing what it would be."""

from __future__ import annotations

import falcon
import msgspec

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send, warner
from flamenco.domain.model import AuthoredJob, Submission
from flamenco.domain.statuses import JobStatus
from flamenco.farm import jobs
from flamenco.protocol.x import jobs as schemas


class Jobs(Resource):
    """`/jobs`: submission."""

    @Operation(
        id="submitJob",
        summary="Submit a job, maybe for workers with a tag, maybe paused.",
        tag="jobs",
        body=schemas.SubmittedJob,
        returns={200: Answer("The job was compiled into tasks and stored.", schemas.StoredJob)},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile and store the job; missing settings get their defaults, wrong ones refuse it."""
        job = jobs.submit(self.farm, _submission(body), strict=True, warn=warner(resp))
        send(resp, msgspec.convert(job, schemas.StoredJob, from_attributes=True))


class Compile(Resource):
    """`/jobs/compile`: what submitting a job would store."""

    @Operation(
        id="compileJob",
        summary="Compile a job, and store nothing.",
        tag="jobs",
        body=schemas.SubmittedJob,
        returns={200: Answer("The job with its tasks and their commands, as it would be stored.", AuthoredJob)},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile the job as for a submission."""
        send(resp, jobs.compiled(self.farm, _submission(body), strict=True, warn=warner(resp)))


def _submission(job: schemas.SubmittedJob) -> Submission:
    return Submission(
        name=job.name,
        type=job.type,
        priority=job.priority,
        settings=job.settings,
        metadata=job.metadata,
        worker_tag=job.worker_tag,
        initial_status=JobStatus(job.initial_status),
    )
