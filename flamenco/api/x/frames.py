"""Frames of a job that are to run again."""

from __future__ import annotations

import falcon
import msgspec

from flamenco.api.middleware.clients import unhurried
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.domain.actions import requested_by
from flamenco.farm.frames import run_again
from flamenco.protocol.x import frames as schemas


class Frames(Resource):
    """`/jobs/{job_id}/frames`: those that are wanted once more."""

    @Operation(
        id="runFramesAgain",
        summary="Run some frames of a job again, with their tasks, or split off from those.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.FramesWanted,
        returns={
            200: Answer("What came of it, or would.", schemas.FramesAgain),
            400: Answer("No task has some of these frames, or they are too many."),
            404: Answer("There is no such job."),
            409: Answer("The job is still being made."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, job_id: str, body: schemas.FramesWanted) -> None:
        """Do it."""
        reason = body.reason or requested_by(req.context.caller.name)
        with unhurried(req):
            found = run_again(self.farm, job_id, body.frames, body.mode, reason, dry_run=body.dry_run)
        send(resp, msgspec.convert(found, schemas.FramesAgain, from_attributes=True))
