"""Gives every request a number, which its log lines and its answer carry, and measures how long it takes."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

import falcon
import structlog

from flamenco.api.operation import Operation
from flamenco.farm.measurements import RequestHistograms

HEADER = "X-Request-ID"

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id() -> str:
    """The number of the request that this thread works on; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class RequestId:
    """Takes over the number that a proxy gave, or makes one up."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Give it its number, with which everything is logged from here on; that of the last one is gone by now."""
        given = req.get_header(HEADER) or ""
        number = given if _GIVEN.fullmatch(given) else f"{random.getrandbits(128):032x}"
        req.context.request_id = number
        structlog.contextvars.bind_contextvars(request_id=number)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _req_succeeded: bool
    ) -> None:
        """Tell the client as well, and let go: what this thread does next is not of this request."""
        resp.set_header(HEADER, req.context.request_id)
        structlog.contextvars.unbind_contextvars("request_id")


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
