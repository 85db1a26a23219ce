"""Finding things by what people type."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.farm.search import search
from flamenco.protocol.x import search as schemas
from flamenco.protocol.x.filters import ShownWorkerStatus
from flamenco.protocol.x.lists import Named


class Search(Resource):
    """`/search`: jobs, workers, tags, users, projects and batches at once."""

    @Operation(
        id="search",
        summary="What there is with that in its name: the best few jobs, workers, tags, users, projects and batches.",
        tag="overview",
        access=Access.JOB,
        lists_own=True,
        query=schemas.SearchQuery,
        returns={200: Answer("What was found.", schemas.Findings)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: schemas.SearchQuery) -> None:
        """Look for it."""
        found = search(self.farm, query.q, query.limit, req.context.caller)
        jobs = [
            schemas.FoundJob(
                id=job.id, name=job.name, status=job.status, user=job.user or UNSET, project=job.project or UNSET
            )
            for job in found.jobs
        ]
        workers = [
            schemas.FoundWorker(id=worker.id, name=worker.name, status=ShownWorkerStatus.of(worker.status))
            for worker in found.workers
        ]
        tags = [Named(tag.id, tag.name) for tag in found.tags]
        names = {"users": found.users, "projects": found.projects, "batches": found.batches}
        send(resp, schemas.Findings(jobs=jobs, workers=workers, tags=tags, **names))
