"""Which Flamenco this is."""

from __future__ import annotations

import falcon

import flamenco
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.protocol import v1 as schemas


class Version(Resource):
    """`/version`: lets a worker make sure that it talks to a manager."""

    @Operation(
        id="getVersion",
        summary="The version of this manager, and the name of its farm.",
        tag="meta",
        returns={200: Answer("This is a manager.", schemas.FlamencoVersion)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Say who we are."""
        send(resp, schemas.FlamencoVersion(flamenco.__version__, self.farm.config.manager_name))
