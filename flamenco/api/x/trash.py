"""The trash: the jobs that somebody deleted and may have back. What is done with them is an action on jobs."""

from __future__ import annotations

import falcon
from msgspec import UNSET
from msgspec.structs import asdict, replace

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource
from flamenco.api.x import list_conversion as conversion
from flamenco.api.x.filters import job_filter
from flamenco.domain.access import Access
from flamenco.domain.listing import ListedJob
from flamenco.domain.paging import Slice
from flamenco.farm.lists import job_page
from flamenco.farm.trash import when_purged
from flamenco.protocol.x import trash as schemas


class Trash(Resource):
    """`/trash`: all of it, page by page."""

    @Operation(
        id="listTrash",
        summary="The jobs that were deleted and can be had back, page by page, and until when.",
        tag="jobs",
        access=Access.JOB,
        lists_own=True,
        query=schemas.TrashQuery,
        returns={200: Answer("A page of them.", schemas.Trash), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: schemas.TrashQuery) -> None:
        """List jobs in the trash."""
        of = req.context.caller if req.context.only_own or query.of == "me" else None
        found = job_page(self.farm, replace(job_filter(query, of), in_trash=True), _wanted(query))
        page = schemas.Trash(
            jobs=[self._row(req, each) for each in found.entries],
            next=found.next or UNSET,
            total=found.total,
            counts=conversion.counts(found.counts),
        )
        send_unless_known(req, resp, page)

    def _row(self, req: falcon.Request, listed: ListedJob) -> schemas.TrashedJob:
        # What the job has left behind is hidden with it, its image too.
        row = replace(conversion.job_row(self.farm, req, listed), image=UNSET)
        deleted = listed.job.delete_requested or listed.job.updated
        return schemas.TrashedJob(**asdict(row), deleted=deleted, goes=when_purged(self.farm, listed.job))


def _wanted(query: schemas.TrashQuery) -> Slice:
    # Nothing changes in the trash: a job was last updated when it was deleted.
    sort = query.sort.replace("deleted", "updated")
    return Slice(sort=sort, limit=query.limit, after="" if query.after is UNSET else query.after)
