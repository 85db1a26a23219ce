"""Does nothing for a client that went away while its request waited for its turn.

A worker that is gone would not run the task it is given. Today's Flamenco has statuses for this; who has only stopped
sending, and still listens, gets to see them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import falcon

from flamenco.api.operation import Operation

IS_GONE: Final = "flamenco.is_gone"
"""Where in the WSGI environment a server puts a function that tells whether the client has closed its connection."""


class Gone:
    """For operations that declare a status for it; answers with that, and nothing else."""

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        """End the request here when nobody waits for its answer."""
        declared: Operation | None = req.context.get("operation")
        if declared is None or declared.gone is None:
            return
        is_gone: Callable[[], bool] | None = req.env.get(IS_GONE)
        if is_gone is not None and is_gone():
            resp.status = declared.gone
            resp.complete = True
