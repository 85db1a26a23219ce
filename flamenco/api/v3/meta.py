"""Which Flamenco this is."""

from __future__ import annotations

import falcon

import flamenco
from flamenco.api.operation import Answer, operation
from flamenco.api.resource import Resource, send
from flamenco.api.v3 import schemas


class Version(Resource):
    """`/version`: lets workers and add-ons make sure that they talk to a manager."""

    @operation(
        "getVersion",
        summary="The version of this manager, and the name of its farm.",
        tag="meta",
        returns={200: Answer("This is a manager.", schemas.FlamencoVersion)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Say who we are."""
        version = flamenco.__version__
        send(resp, schemas.FlamencoVersion(version, version, self.farm.config.manager_name, f"v{version}"))
