"""The limits of the farm: what is in use, and who waits."""

from __future__ import annotations

import falcon
from msgspec import convert

from flamenco.api.conditional import UNCHANGED, send_unless_known
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource
from flamenco.domain.access import Access
from flamenco.farm import limits
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
        found = limits.states(self.farm)
        told = [convert(each, schemas.Limit, from_attributes=True) for each in found]
        send_unless_known(req, resp, schemas.Limits(limits=told))
