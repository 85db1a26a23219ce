"""What our workers tell beyond the protocol of today's Flamenco."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.farm import workers
from flamenco.protocol.x import jobs as schemas


class Commands(Resource):
    """`/worker/commands`: a worker that has signed on says which commands it has, and learns which there are."""

    @Operation(
        id="tellCommands",
        summary="A worker says which commands it has; until it signs on anew it is given tasks of those alone.",
        tag="worker",
        access=Access.WORK,
        body=schemas.WorkerCommands,
        returns={200: Answer("The commands that the manager knows.", schemas.KnownCommands)},
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, body: schemas.WorkerCommands) -> None:
        """Note what the worker has."""
        worker = workers.tell_commands(self.farm, req.context.worker, body.commands)
        # One that waits for approval is told nothing of the farm.
        known = sorted(self.farm.command_types) if worker.approved else []
        send(resp, schemas.KnownCommands(commands=known))
