"""Workers: looking at them, making them, and letting those in that have registered."""

from __future__ import annotations

import falcon
from msgspec import UNSET

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.api.x import list_conversion as conversion
from flamenco.api.x.filters import worker_filter
from flamenco.domain.access import Access
from flamenco.farm import notes, workers
from flamenco.farm.lists import worker_details, worker_page
from flamenco.protocol.x import access as schemas
from flamenco.protocol.x import lists


class Workers(Resource):
    """`/workers`: who works on the farm, and workers that do not register by themselves."""

    @Operation(
        id="listWorkers",
        summary="Workers, page by page, and how many do what.",
        tag="workers",
        access=Access.LOOK,
        query=lists.WorkersQuery,
        returns={200: Answer("A page of them.", lists.Workers), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, query: lists.WorkersQuery) -> None:
        """List workers."""
        found = worker_page(self.farm, worker_filter(query), conversion.wanted(query))
        page = lists.Workers(
            workers=[conversion.worker_row(self.farm, each) for each in found.entries],
            next=found.next or UNSET,
            total=found.total,
            counts=conversion.counts(found.counts),
        )
        send_unless_known(req, resp, page)

    @Operation(
        id="addWorker",
        summary="Make a worker, and the secret it says who it is with.",
        tag="access",
        access=Access.MANAGE,
        body=schemas.NewWorker,
        returns={200: Answer("The worker; its secret is shown this once.", schemas.MadeWorker)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.NewWorker) -> None:
        """Store it."""
        worker, secret = workers.add(self.farm, req.context.caller, body.name, body.platform)
        send(resp, schemas.MadeWorker(worker_id=worker.id, name=worker.name, secret=secret))


class Worker(Resource):
    """`/workers/{worker_id}`: one of them."""

    @Operation(
        id="getWorker",
        summary="One worker, and what it can do.",
        tag="workers",
        access=Access.LOOK,
        returns={
            200: Answer("The worker.", lists.Worker),
            304: UNCHANGED,
            404: Answer("There is no such worker."),
        },
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, worker_id: str) -> None:
        """Show the worker."""
        note = notes.of_worker(self.farm, worker_id)
        send_unless_known(req, resp, conversion.worker(self.farm, worker_details(self.farm, worker_id), note))


class Approve(Resource):
    """`/workers/{worker_id}/approve`: a person agrees to a worker."""

    @Operation(
        id="approveWorker",
        summary="Let a worker that has registered work from now on.",
        tag="access",
        access=Access.MANAGE,
        returns={204: Answer("It will be given tasks."), 404: Answer("There is no such worker.")},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, worker_id: str) -> None:
        """Note it."""
        workers.approve(self.farm, worker_id)
        resp.status = falcon.HTTP_204
