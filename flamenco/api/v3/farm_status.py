"""What the farm as a whole is doing."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.farm import farm_status
from flamenco.protocol.v3.meta import FarmStatusReport


class FarmStatus(Resource):
    """`/status`: a look at the whole farm."""

    @Operation(
        id="getFarmStatus",
        summary="What the farm as a whole is doing.",
        tag="meta",
        returns={200: Answer("As it was a moment ago.", FarmStatusReport)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Tell what was found last."""
        send(resp, FarmStatusReport(farm_status.latest(self.farm)))
