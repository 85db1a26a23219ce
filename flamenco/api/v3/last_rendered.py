"""Images of what was rendered last: of one job, and of the whole farm."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, public_path, send
from flamenco.domain.access import Access
from flamenco.domain.events import Thumbnails
from flamenco.farm import last_rendered
from flamenco.protocol.v3 import meta as schemas


class OfJob(Resource):
    """`/jobs/{job_id}/last-rendered`: the last image of a job."""

    @Operation(
        id="fetchJobLastRenderedInfo",
        summary="Where the images are that a job rendered last.",
        tag="jobs",
        access=Access.JOB,
        coded=True,
        returns={
            200: Answer("There they are.", schemas.JobLastRenderedImageInfo),
            204: Answer("The job has no image yet, or does not exist."),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Tell where they are."""
        _answer(req, resp, last_rendered.of_job(self.farm, job_id))


class OfFarm(Resource):
    """`/jobs/last-rendered`: the last image of any job."""

    @Operation(
        id="fetchGlobalLastRenderedInfo",
        summary="Where the images are that were rendered last of all.",
        tag="jobs",
        access=Access.LOOK,
        returns={
            200: Answer("There they are.", schemas.JobLastRenderedImageInfo),
            204: Answer("Nothing was rendered yet, or the job that did was deleted."),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell where they are."""
        _answer(req, resp, last_rendered.of_farm(self.farm))


def _answer(req: falcon.Request, resp: falcon.Response, found: Thumbnails | None) -> None:
    if found is None:
        resp.status = falcon.HTTP_204
    else:
        send(resp, schemas.JobLastRenderedImageInfo(base=public_path(req, found.base), suffixes=list(found.suffixes)))
