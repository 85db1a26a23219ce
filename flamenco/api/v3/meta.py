"""Which Flamenco this is, and what its farm as a whole does."""

from __future__ import annotations

import re
from typing import Final

import falcon

import flamenco
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.farm import farm_status
from flamenco.protocol.v3 import meta as schemas
from flamenco.protocol.v3.meta import FarmStatusReport

_ADDON: Final = re.compile(r"Flamenco/([\w.+-]{1,40}) \(Blender add-on\)")


class Version(Resource):
    """`/version`: lets workers and add-ons make sure that they talk to a manager."""

    @Operation(
        id="getVersion",
        summary="The version of this manager, and the name of its farm.",
        tag="meta",
        access=Access.PUBLIC,
        returns={200: Answer("This is a manager.", schemas.FlamencoVersion)},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Say who we are.

        An add-on stops and asks its user whenever the version is not its own. What it speaks is spoken here, so it is
        told its own.
        """
        ours = flamenco.__version__
        addon = _ADDON.search(req.user_agent or "")
        short = addon[1] if addon else ours
        long = f"{short} (as spoken by {ours})" if addon else ours
        send(resp, schemas.FlamencoVersion(long, short, self.farm.config.manager_name, f"v{ours}"))


class FarmStatus(Resource):
    """`/status`: a look at the whole farm."""

    @Operation(
        id="getFarmStatus",
        summary="What the farm as a whole is doing.",
        tag="meta",
        access=Access.LOOK,
        returns={200: Answer("As it was a moment ago.", FarmStatusReport)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Tell what was found last."""
        send(resp, FarmStatusReport(farm_status.latest(self.farm)))
