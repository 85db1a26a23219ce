"""The farm's job types, what is wrong with some, and which commands there are for them to use."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.v3.job_conversion import job_type
from flamenco.domain.access import Access
from flamenco.farm import jobs
from flamenco.farm.context import Farm
from flamenco.hooks.command_docs import documented
from flamenco.protocol.x import jobs as schemas


class JobTypes(Resource):
    """`/jobtypes`: what can be submitted."""

    @Operation(
        id="listJobTypes",
        summary="The job types with their settings, all that a form needs, and the scripts that cannot be used.",
        tag="jobtypes",
        access=Access.PREPARE,
        returns={200: Answer("By name; scripts are read anew.", schemas.JobTypes), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        known = [job_type(each) for each in jobs.job_types(self.farm)]
        send_unless_known(req, resp, schemas.JobTypes(job_types=known, problems=_problems(self.farm)))


class Problems(Resource):
    """`/jobtypes/problems`: why a script in a job type folder is not among the job types."""

    @Operation(
        id="getJobTypeProblems",
        summary="The scripts that cannot be used, and why.",
        tag="jobtypes",
        access=Access.PREPARE,
        returns={200: Answer("What is wrong at this moment; scripts are read anew.", schemas.JobTypeProblems)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List the problems."""
        send(resp, schemas.JobTypeProblems(problems=_problems(self.farm)))


def _problems(farm: Farm) -> list[schemas.JobTypeProblem]:
    return [
        schemas.JobTypeProblem(
            job_type=problem.job_type,
            file=str(problem.path),
            message=problem.reason or problem.message,
            line=problem.line or UNSET,
            column=problem.column or UNSET,
        )
        for problem in jobs.job_type_problems(farm)
    ]


class Commands(Resource):
    """`/commands`: what authors of job types look up, and tools that help them."""

    @Operation(
        id="getCommands",
        summary="The commands that the manager knows, the core's and those of plugins, with their parameters.",
        tag="commands",
        access=Access.PREPARE,
        returns={200: Answer("All commands, by name.", schemas.Commands)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Describe them."""
        known = self.farm.command_types
        send(resp, schemas.Commands(commands=[documented(known[name]) for name in sorted(known)]))
