"""Measures how long requests take, from the first of the middlewares to the last."""

from __future__ import annotations

import time
from collections.abc import Callable

import falcon

from flamenco.api.operation import Operation
from flamenco.farm.measurements import RequestHistograms


class Timing:
    """Counts every request whose operation is declared, answered well or not. `timer` gives seconds."""

    def __init__(self, measured: RequestHistograms, timer: Callable[[], float] = time.perf_counter) -> None:
        self._measured = measured
        self._timer = timer

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Start the clock."""
        req.context.started = self._timer()

    def process_response(
        self, req: falcon.Request, _resp: falcon.Response, _resource: object, _req_succeeded: bool
    ) -> None:
        """Stop it. What has no operation, an unknown path say, is not counted: there is no end of those."""
        declared: Operation | None = req.context.get("operation")
        if declared is not None:
            self._measured.add(declared.id, self._timer() - req.context.started)
