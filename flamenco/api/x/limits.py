"""The limits of the farm: what is in use, who waits, and those that people set."""

from __future__ import annotations

import falcon
from msgspec import convert

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.farm import limits
from flamenco.farm.context import Farm
from flamenco.protocol.x import limits as schemas


class Limits(Resource):
    """`/limits`."""

    @Operation(
        id="listLimits",
        summary="How many tasks may run at once under each limit of the farm, how many do, and who waits.",
        tag="overview",
        access=Access.LOOK,
        returns={200: Answer("All limits, by name.", schemas.Limits), 304: UNCHANGED},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        send_unless_known(req, resp, _told(self.farm))

    @Operation(
        id="setLimit",
        summary="Set a limit on tasks of a user or project, on a machine, or another one for one that a policy gives.",
        tag="overview",
        access=Access.MANAGE,
        body=schemas.SetLimit,
        returns={200: Answer("All limits, by name: nothing is handed out beyond it any more.", schemas.Limits)},
    )
    def on_post(self, _req: falcon.Request, resp: falcon.Response, body: schemas.SetLimit) -> None:
        """Set it."""
        limits.change(self.farm, body.name, body.capacity)
        send(resp, _told(self.farm))


def _told(farm: Farm) -> schemas.Limits:
    return schemas.Limits(limits=[convert(each, schemas.Limit, from_attributes=True) for each in limits.states(farm)])
