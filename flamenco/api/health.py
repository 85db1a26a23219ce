"""`/healthz` and `/readyz`: whether the process is there, and whether requests should be sent to it.

Open to all, in every mode: what asks is a load balancer, a container engine or a monitor, which has no token.
"""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.middleware.clients import unhurried
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.farm.context import Farm
from flamenco.farm.health import Readiness

HEALTH_PATH: Final = "/healthz"
READY_PATH: Final = "/readyz"


class Alive(Resource):
    """The process answers; that is all that is asked."""

    access = Access.PUBLIC

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Say so."""
        resp.content_type = "text/plain; charset=utf-8"
        resp.set_header("Cache-Control", "no-store")
        resp.data = b"ok\n"


class Ready(Resource):
    """Database, storage and chores are as they should be; 503 otherwise, with a sentence for each that is not."""

    access = Access.PUBLIC

    def __init__(self, farm: Farm) -> None:
        super().__init__(farm)
        self._readiness = Readiness(farm)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Look, for seconds at most, and say what was seen."""
        with unhurried(req):
            health = self._readiness.health()
        resp.set_header("Cache-Control", "no-store")
        send(resp, health, 200 if health.ready else 503)
