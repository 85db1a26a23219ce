"""Which jobs a job waits for, and what people do about that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.job_waits import Kind, State, Wait, Wanted, sentence
from flamenco.domain.statuses import JobStatus
from flamenco.domain.wait_texts import offset_of
from flamenco.farm import job_waits
from flamenco.protocol.x import job_waits as schemas

_NO_JOB: Final = Answer("There is no such job.")
_NO_WAIT: Final = Answer("There is no such job, or it does not wait for that one.")


def wanted(asked: Iterable[schemas.DependsOn]) -> tuple[Wanted, ...]:
    """Jobs to wait for, as the farm takes them. Raises `Refused`."""
    return tuple(
        Wanted(job=each.job.lower(), kind=each.kind, when=each.when, offset=offset_of(each.offset)) for each in asked
    )


class Dependencies(Resource):
    """`/jobs/{job_id}/dependencies`: all of them."""

    @Operation(
        id="getJobDependencies",
        summary="What a job waits for, and what waits for it.",
        tag="jobs",
        access=Access.JOB,
        returns={200: Answer("Both.", schemas.Dependencies), 404: _NO_JOB},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """List them."""
        found = job_waits.waits(self.farm, job_id)
        waiting = [
            schemas.Dependent(
                job=each.id,
                name=each.name,
                status=JobStatus(each.status),
                kind=Kind(each.kind),
                state=State(each.state),
            )
            for each in found.waited_for_by
        ]
        send(resp, schemas.Dependencies(waits_for=[_told(each) for each in found.waits_for], waited_for_by=waiting))

    @Operation(
        id="addJobDependency",
        summary="Have a job wait for another from now on; what is being run of it goes on.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.DependsOn,
        returns={
            200: Answer("It waits, unless that one is done already.", schemas.Dependency),
            404: _NO_JOB,
            409: Answer("The job has ended, or waits for that one already."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, job_id: str, body: schemas.DependsOn) -> None:
        """Add one."""
        send(resp, _told(job_waits.add(self.farm, job_id, wanted([body])[0], req.context.caller)))


class Dependency(Resource):
    """`/jobs/{job_id}/dependencies/{other_id}`: one of them."""

    @Operation(
        id="dropJobDependency",
        summary="Have a job not wait for another, as if nobody had asked for it.",
        tag="jobs",
        access=Access.STEER,
        returns={204: Answer("It is dropped."), 404: _NO_WAIT},
    )
    def on_delete(self, _req: falcon.Request, resp: falcon.Response, job_id: str, other_id: str) -> None:
        """Drop it."""
        job_waits.drop(self.farm, job_id, other_id)
        resp.status = falcon.HTTP_204


class Satisfaction(Resource):
    """`/jobs/{job_id}/dependencies/{other_id}/satisfy`: a person knows better."""

    @Operation(
        id="satisfyJobDependency",
        summary="Have what a job waits for count as done, whatever becomes of the other job.",
        tag="jobs",
        access=Access.STEER,
        returns={
            204: Answer("The job waits for it no more."),
            404: _NO_WAIT,
            409: Answer("It did not wait for it any more."),
        },
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, job_id: str, other_id: str) -> None:
        """Satisfy it."""
        job_waits.satisfy(self.farm, job_id, other_id)
        resp.status = falcon.HTTP_204


def _told(wait: Wait) -> schemas.Dependency:
    return schemas.Dependency(
        job=wait.job,
        name=wait.name,
        status=wait.status or UNSET,
        kind=wait.kind,
        when=wait.when,
        offset=[wait.offset.first, wait.offset.last],
        state=wait.state,
        keeps_job=wait.keeps_job,
        reason=sentence(wait),
    )
