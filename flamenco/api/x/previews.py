"""The order of frames, and those that are looked at first: what is asked for and there, and links to approve it."""

from __future__ import annotations

from datetime import timedelta

import falcon
from msgspec import UNSET, UnsetType, convert

from flamenco.api.approval_page import link_of
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain import previews
from flamenco.domain.access import Access
from flamenco.domain.statuses import FINISHED_TASK, TaskStatus
from flamenco.farm.lists import SeenPreview
from flamenco.farm.previews import make_link
from flamenco.protocol.x import previews as schemas


def written_preview(asked: schemas.Preview | None) -> previews.Preview | None:
    """What is to be looked at first, as the farm takes it. Raises `Refused`."""
    return previews.parse(asked.frames, asked.then, asked.continue_after) if asked else None


def kept_preview(seen: SeenPreview | None, state: str) -> schemas.KeptPreview | UnsetType:
    """The preview of a job, where it has one."""
    if seen is None or not state:
        return UNSET
    return schemas.KeptPreview(
        frames=seen.kept.preview.frames,
        then=seen.kept.preview.then,
        state=convert(state, schemas.PreviewStateName),
        tasks=sum(seen.tally.values()),
        done=sum(seen.tally.get(status, 0) for status in FINISHED_TASK),
        failed=seen.tally.get(TaskStatus.FAILED, 0),
        held=seen.held,
        ready=seen.kept.ready or UNSET,
        continues=seen.kept.due or UNSET,
    )


class ApprovalLinks(Resource):
    """`/jobs/{job_id}/approval-links`: links by which somebody approves once, without signing in."""

    @Operation(
        id="makeApprovalLink",
        summary="Make a link by which whoever has it approves the preview of a job once.",
        tag="jobs",
        access=Access.STEER,
        body=schemas.LinkWanted,
        returns={
            200: Answer("The link, which is shown this once.", schemas.ApprovalLink),
            404: Answer("There is no such job."),
            409: Answer("Nothing of the job waits for an approval."),
        },
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, job_id: str, body: schemas.LinkWanted) -> None:
        """Make it."""
        link = make_link(self.farm, req.context.caller, job_id, timedelta(hours=body.hours))
        send(resp, schemas.ApprovalLink(url=link_of(self.farm, req, str(link.token)), expires=link.expires))
