"""Jobs beyond the original API: submitting with what that has no words for, seeing what one would be, why one waits."""

from __future__ import annotations

import falcon
import msgspec
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.submissions import compiled, submitted
from flamenco.domain.access import Access
from flamenco.domain.model import AuthoredJob, Submission
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm.scheduling.explanation import Explanation, explain
from flamenco.protocol.x import jobs as schemas


class Jobs(Resource):
    """`/jobs`: submission."""

    @Operation(
        id="submitJob",
        summary="Submit a job, maybe for workers with a tag, maybe paused.",
        tag="jobs",
        access=Access.SUBMIT,
        body=schemas.SubmittedJob,
        returns={200: Answer("The job was compiled into tasks and stored.", schemas.StoredJob)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile and store the job; missing settings get their defaults, wrong ones refuse it."""
        job = submitted(self.farm, req, resp, _submission(body), strict=True)
        send(resp, msgspec.convert(job, schemas.StoredJob, from_attributes=True))


class Compile(Resource):
    """`/jobs/compile`: what submitting a job would store."""

    @Operation(
        id="compileJob",
        summary="Compile a job, and store nothing.",
        tag="jobs",
        access=Access.SUBMIT,
        body=schemas.SubmittedJob,
        returns={200: Answer("The job with its tasks and their commands, as it would be stored.", AuthoredJob)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile the job as for a submission."""
        send(resp, compiled(self.farm, req, resp, _submission(body), strict=True))


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


class Explain(Resource):
    """`/jobs/{job_id}/explain`: where a job stands, and what its tasks wait for."""

    @Operation(
        id="explainJob",
        summary="Why a job is where it is, and what its waiting tasks wait for.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("What the scheduler goes by at this moment.", schemas.Explanation)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Explain the job."""
        send(resp, _explanation(explain(self.farm, job_id)))


class ExplainForWorker(Resource):
    """`/jobs/{job_id}/explain/{worker_id}`: the same, for one worker."""

    @Operation(
        id="explainJobForWorker",
        summary="Why one worker is not given the waiting tasks of a job.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("What the scheduler goes by at this moment.", schemas.Explanation)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str, worker_id: str) -> None:
        """Explain the job to the worker."""
        send(resp, _explanation(explain(self.farm, job_id, worker_id)))


def _explanation(found: Explanation) -> schemas.Explanation:
    return schemas.Explanation(
        job=schemas.ExplainedJob(
            id=found.job.id,
            name=found.job.name,
            status=found.job.status,
            priority=found.job.priority,
            activity=found.job.activity,
        ),
        position=UNSET if found.position is None else found.position,
        open_jobs=found.open_jobs,
        rank=UNSET if found.ranked.rank is None else found.ranked.rank,
        terms=[
            schemas.ExplainedTerm(policy=name, score=term.score, weight=found.weights[name], reason=term.reason)
            for name, term in found.ranked.terms.items()
        ],
        holds=[schemas.ExplainedHold(policy=name, reason=hold.reason) for name, hold in found.ranked.holds.items()],
        running=found.job.counts.active,
        waiting=[
            schemas.WaitingTasks(why=reason.why, reason=reason.text, count=reason.count, tasks=list(reason.names))
            for reason in found.waiting
        ],
        failed=[
            schemas.FailedTask(
                index_in_job=each.number, name=each.name, status=TaskStatus(each.status), why=each.activity
            )
            for each in found.failed
        ],
        worker=found.worker.name if found.worker else UNSET,
    )
