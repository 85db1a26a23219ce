"""What a server tells of clients that went away, or that take their time.

For one that went away while its request waited for its turn, nothing is done: a worker that is gone would not run the
task it is given. Today's Flamenco has statuses for this; who has only stopped sending, and still listens, gets to see
them. A request that only waits for its client steps aside, so that others are answered meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
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


UNHURRIED: Final = "flamenco.unhurried"
"""Where in the WSGI environment a server puts a function that gives a context in which the request does not count."""


def unhurried(req: falcon.Request) -> AbstractContextManager[None]:
    """Within this, the request is not one of the few that a process works on at the same time.

    For what takes as long as the client likes, or waits for something of which there is only one, such as the helper
    that runs job types: workers that ask for tasks meanwhile are not to wait for that as well.
    """
    aside: AbstractContextManager[None] = req.env.get(UNHURRIED, nullcontext)()
    return aside
