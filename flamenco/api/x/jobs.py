"""Jobs beyond the original API: looking through them, submitting with what that has no words for, why one waits."""

from __future__ import annotations

from typing import Final

import falcon
import msgspec
from msgspec import UNSET

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.submissions import compiled, submitted
from flamenco.api.x import list_conversion as conversion
from flamenco.api.x.filters import job_filter
from flamenco.api.x.job_waits import wanted
from flamenco.api.x.previews import written_preview
from flamenco.api.x.time_limits import held_limits, written_limits
from flamenco.domain.access import Access
from flamenco.domain.frame_order import parse as parse_order
from flamenco.domain.job_workers import Written
from flamenco.domain.model import AuthoredJob, Submission
from flamenco.domain.start_times import parse
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.lists import job_details, job_groups, job_page
from flamenco.farm.scheduling.explanation import Explanation, explain
from flamenco.farm.starting import WALL
from flamenco.farm.times import estimates
from flamenco.protocol.x import access, lists
from flamenco.protocol.x import jobs as schemas

MOST_GROUPS: Final = 500


class Jobs(Resource):
    """`/jobs`: all of them, page by page, and submission."""

    @Operation(
        id="listJobs",
        summary="Jobs, page by page, and how many are in which status.",
        tag="jobs",
        access=Access.JOB,
        lists_own=True,
        query=lists.JobsQuery,
        returns={200: Answer("A page of them.", lists.Jobs), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: lists.JobsQuery) -> None:
        """List jobs."""
        of = req.context.caller if req.context.only_own or query.of == "me" else None
        found = job_page(self.farm, job_filter(query, of), conversion.wanted(query), whole=query.whole)
        eta = estimates(self.farm, [each.job for each in found.entries]) if query.eta else None
        page = lists.Jobs(
            jobs=[conversion.job_row(self.farm, req, each, eta) for each in found.entries],
            next=found.next or UNSET,
            total=found.total,
            counts=conversion.counts(found.counts),
        )
        send_unless_known(req, resp, page)

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
        job = submitted(self.farm, req, resp, _submission(self.farm, body), strict=True)
        send(resp, msgspec.convert(job, schemas.StoredJob, from_attributes=True))


class Groups(Resource):
    """`/jobs/groups`: what there is for each project, of each user, type or batch."""

    @Operation(
        id="groupJobs",
        summary="Jobs by project, user, type or batch: how many, and how far they are.",
        tag="jobs",
        access=Access.JOB,
        lists_own=True,
        query=lists.JobGroupsQuery,
        returns={200: Answer("The groups.", lists.JobGroups), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: lists.JobGroupsQuery) -> None:
        """List the groups."""
        of = req.context.caller if req.context.only_own else None
        found = job_groups(self.farm, job_filter(query, of), query.by)
        groups = [conversion.job_group(each) for each in found[:MOST_GROUPS]]
        send_unless_known(req, resp, lists.JobGroups(groups=groups, total=len(found)))


class Job(Resource):
    """`/jobs/{job_id}`: one of them."""

    @Operation(
        id="getJob",
        summary="One job, with all that was submitted.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("The job.", lists.Job), 304: UNCHANGED, 404: Answer("There is no such job.")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Show the job."""
        send_unless_known(req, resp, conversion.job(self.farm, req, job_details(self.farm, job_id)))


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
        send(resp, compiled(self.farm, req, resp, _submission(self.farm, body), strict=True))


def _submission(farm: Farm, job: schemas.SubmittedJob) -> Submission:
    return Submission(
        name=job.name,
        type=job.type,
        priority=job.priority,
        settings=job.settings,
        metadata=job.metadata,
        worker_tag=job.worker_tag,
        initial_status=JobStatus(job.initial_status),
        depends_on=wanted(job.depends_on),
        time_limits=written_limits(job.time_limits),
        fail_percent=job.fail_percent,
        tries=job.tries,
        start_after=(start := parse(job.start_after, farm.clock(), WALL)),
        start_after_reason=job.start_after_reason if start else "",
        frame_order="" if not job.order else str(parse_order(job.order)),
        previewed=written_preview(job.preview),
        workers=Written(tuple(job.workers_allowed), tuple(job.workers_denied)),
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


class History(Resource):
    """`/jobs/{job_id}/history`: who did what with a job."""

    @Operation(
        id="getJobHistory",
        summary="Who did what with a job, the newest first.",
        tag="jobs",
        access=Access.JOB,
        query=access.HistoryQuery,
        returns={200: Answer("The changes.", access.JobHistory), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str, query: access.HistoryQuery) -> None:
        """Tell it."""
        before = None if query.before is UNSET else query.before
        found = audit.of_job(self.farm, job_id, query.limit, before)
        changes = [
            access.JobChange(
                number=each.key,
                created=each.created,
                who=each.who,
                operation=each.operation,
                before=each.before,
                after=each.after,
            )
            for each in found
        ]
        send_unless_known(req, resp, access.JobHistory(changes=changes))


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
        time_limits=held_limits(found.time_limits),
        worker=found.worker.name if found.worker else UNSET,
    )
