"""Gives every request a number that its log lines and its answer carry."""

from __future__ import annotations

import re
import uuid

import falcon
import structlog

HEADER = "X-Request-ID"

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id() -> str:
    """The number of the request that this thread works on; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class RequestId:
    """Takes over the number that a proxy gave, or makes one up."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Forget the thread's last request and bind this one."""
        given = req.get_header(HEADER) or ""
        number = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=number)

    def process_response(
        self, _req: falcon.Request, resp: falcon.Response, _resource: object, _req_succeeded: bool
    ) -> None:
        """Tell the client as well, and let go: what this thread does next is not of this request."""
        resp.set_header(HEADER, request_id())
        structlog.contextvars.unbind_contextvars("request_id")
