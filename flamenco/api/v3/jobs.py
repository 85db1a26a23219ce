"""Jobs, as the add-on submits them and as people look at them and steer them."""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.submissions import compiled, submitted
from flamenco.api.v3 import job_conversion as conversion
from flamenco.domain.access import Access
from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.farm import deletion, jobs, tags, tasks
from flamenco.protocol.v3 import jobs as schemas
from flamenco.protocol.v3.jobs import AvailableJobType, AvailableJobTypes, JobTypePath
from flamenco.protocol.v3.tasks import JobTasksSummary, TasksQuery

_NO_JOB: Final = Answer("There is no such job.")
_BUSY: Final = Answer("The manager is busy; `Retry-After` says how long to wait.")
_NOT_COMPILED: Final = Answer("The job, or its job type, is wrong; the message says what.")
_OUTDATED: Final = Answer("The job type has changed: fetch the job types again.")


class JobTypes(Resource):
    """`/jobs/types`: what kinds of jobs there are."""

    @Operation(
        id="getJobTypes",
        summary="The job types and their settings.",
        tag="jobs",
        access=Access.PREPARE,
        returns={200: Answer("All job types that can be used, by name.", AvailableJobTypes)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the job types by name."""
        send(resp, AvailableJobTypes([conversion.job_type(each) for each in jobs.job_types(self.farm)]))


class JobType(Resource):
    """`/jobs/type/{typeName}`: one kind of jobs."""

    @Operation(
        id="getJobType",
        summary="One job type and its settings.",
        tag="jobs",
        access=Access.PREPARE,
        path=JobTypePath,
        returns={
            200: Answer("The job type.", AvailableJobType),
            404: Answer("There is no such job type."),
            500: Answer("Its script is broken."),
        },
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, type_name: str, **_: str) -> None:
        """Fetch the job type."""
        send(resp, conversion.job_type(jobs.job_type(self.farm, type_name)))


class Jobs(Resource):
    """`/jobs`: all of them, and submission."""

    @Operation(
        id="fetchJobs",
        summary="The jobs; all of them, unless the query says otherwise.",
        tag="jobs",
        access=Access.JOB,
        lists_own=True,
        query=schemas.JobsQuery,
        returns={200: Answer("The jobs.", schemas.JobsQueryResult)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: schemas.JobsQuery) -> None:
        """List jobs."""
        of = req.context.caller if req.context.only_own else None
        found = jobs.matching(self.farm, conversion.job_query(query, of))
        send(resp, conversion.jobs_result(found))

    @Operation(
        id="submitJob",
        summary="Submit a job.",
        tag="jobs",
        access=Access.SUBMIT,
        body=schemas.SubmittedJob,
        coded=True,
        statuses={Conflict: 412},
        returns={
            200: Answer("The job was compiled into tasks and stored.", schemas.Job),
            400: _NOT_COMPILED,
            412: _OUTDATED,
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile and store the job."""
        send(resp, conversion.job(submitted(self.farm, req, resp, conversion.submission(body), strict=False)))


class Check(Resource):
    """`/jobs/check`: what submitting a job would say."""

    @Operation(
        id="submitJobCheck",
        summary="Find out whether a job could be submitted, without submitting it.",
        tag="jobs",
        access=Access.SUBMIT,
        body=schemas.SubmittedJob,
        coded=True,
        statuses={Conflict: 412},
        returns={204: Answer("It could."), 400: _NOT_COMPILED, 412: _OUTDATED},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.SubmittedJob) -> None:
        """Compile the job, and store nothing."""
        compiled(self.farm, req, resp, conversion.submission(body), strict=False)
        resp.status = falcon.HTTP_204


class MassDelete(Resource):
    """`/jobs/mass-delete`: makes room."""

    @Operation(
        id="deleteJobMass",
        summary="Delete all jobs that have not changed since a moment.",
        tag="jobs",
        access=Access.MANAGE,
        body=schemas.JobMassDeletionSelection,
        statuses={NotFound: 416},
        returns={
            204: Answer("The jobs will be deleted soon."),
            416: Answer("There is no such job."),
            503: _BUSY,
        },
    )
    def on_delete(self, _req: falcon.Request, resp: falcon.Response, body: schemas.JobMassDeletionSelection) -> None:
        """Mark the jobs."""
        if not body.last_updated_max:
            raise Refused("invalid format (no last_updated_max)")
        deletion.request_mass(self.farm, body.last_updated_max)
        resp.status = falcon.HTTP_204


class Job(Resource):
    """`/jobs/{job_id}`: one job."""

    @Operation(
        id="fetchJob",
        summary="One job, and where it stands.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("The job.", schemas.Job), 404: _NO_JOB},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Fetch the job."""
        send(resp, conversion.job(jobs.fetch(self.farm, job_id)))

    @Operation(
        id="deleteJob",
        summary="Delete a job, with its tasks, its logs and its files.",
        tag="jobs",
        access=Access.STEER,
        returns={204: Answer("The job will be deleted soon."), 404: _NO_JOB, 503: _BUSY},
    )
    def on_delete(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Mark the job."""
        deletion.request(self.farm, job_id)
        resp.status = falcon.HTTP_204


class WhatWouldDeleteDo(Resource):
    """`/jobs/{job_id}/what-would-delete-do`: look before you leap."""

    @Operation(
        id="deleteJobWhatWouldItDo",
        summary="What goes with a job when it is deleted.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("What would go.", schemas.JobDeletionInfo), 404: _NO_JOB},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Say what would go."""
        send(resp, schemas.JobDeletionInfo(deletion.shaman_checkout_goes(self.farm, job_id)))


class JobStatus(Resource):
    """`/jobs/{job_id}/setstatus`: a person decides what becomes of a job."""

    @Operation(
        id="setJobStatus",
        summary="Cancel, pause, resume or requeue a job.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.JobStatusChange,
        returns={204: Answer("All that follows from it is done."), 404: _NO_JOB},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, job_id: str, body: schemas.JobStatusChange) -> None:
        """Change the status, with all that follows for the job's tasks."""
        jobs.set_status(self.farm, job_id, body.status, body.reason)
        resp.status = falcon.HTTP_204


class JobPriority(Resource):
    """`/jobs/{job_id}/setpriority`: a person decides what is more urgent."""

    @Operation(
        id="setJobPriority",
        summary="Change the priority of a job.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.JobPriorityChange,
        returns={204: Answer("From the very next task on, it counts."), 404: _NO_JOB},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, job_id: str, body: schemas.JobPriorityChange) -> None:
        """Change the priority."""
        jobs.set_priority(self.farm, job_id, body.priority, req.context.caller)
        resp.status = falcon.HTTP_204


class JobTag(Resource):
    """`/jobs/{job_id}/settag`: which workers a job is for."""

    @Operation(
        id="setJobTag",
        summary="Let a job run only on workers with a tag, or on all.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.JobTagChange,
        statuses={Refused: 406},
        returns={204: Answer("The tag is changed."), 404: _NO_JOB, 406: Answer("There is no such tag.")},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, job_id: str, body: schemas.JobTagChange) -> None:
        """Change the tag."""
        tag_id = body.id.lower() if isinstance(body.id, str) else None
        tag_name = body.name if isinstance(body.name, str) else None
        tags.set_of_job(self.farm, job_id, tag_id, tag_name)
        resp.status = falcon.HTTP_204


class JobTasks(Resource):
    """`/jobs/{job_id}/tasks`: what a job is made of."""

    @Operation(
        id="fetchJobTasks",
        summary="The tasks of a job; all of them, unless the query says otherwise.",
        tag="jobs",
        access=Access.JOB,
        query=TasksQuery,
        returns={200: Answer("The tasks; none when there is no such job.", JobTasksSummary)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str, query: TasksQuery) -> None:
        """List tasks."""
        found = tasks.matching(self.farm, job_id, conversion.task_query(query))
        send(resp, conversion.tasks_summary(found))


class JobBlocklist(Resource):
    """`/jobs/{job_id}/blocklist`: who failed a job too often."""

    @Operation(
        id="fetchJobBlocklist",
        summary="The workers that get no more tasks of a type in a job.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("The list, by the names of the workers.", list[schemas.JobBlocklistEntry])},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """List the blocked."""
        send(resp, [conversion.block(entry) for entry in jobs.blocklist(self.farm, job_id)])

    @Operation(
        id="removeJobBlocklist",
        summary="Let workers try again.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.JobBlocklistEntries,
        optional_body=True,
        returns={204: Answer("They are off the list."), 400: Answer("The request names none.")},
    )
    def on_delete(
        self, _req: falcon.Request, resp: falcon.Response, job_id: str, body: schemas.JobBlocklistEntries | None
    ) -> None:
        """Take entries off the list."""
        if not body:
            raise Refused("empty list of blocklist entries given")
        jobs.unblock(self.farm, job_id, [(entry.worker_id.lower(), entry.task_type) for entry in body])
        resp.status = falcon.HTTP_204
